import type { Key } from './load.ts';

/** A kill, from the signal until everything that it ended was seen to be gone. By `performance.now()`. */
export interface Kill {
  what: 'server' | 'router';
  atMs: number;
  goneMs: number;
  /** From the kill until there was a new one. */
  restartMs: number;
}

/** One event in one request to the webhook. */
export interface Receipt {
  key: Key;
  receivedAtMs: number;
  /** Absent where the sender was gone before the answer. */
  answeredAtMs?: number;
}

export interface Evidence {
  sent: ReadonlySet<Key>;
  answered: ReadonlySet<Key>;
  log: readonly Key[];
  files: readonly Key[];
  /** In the order in which they came. */
  webhook: readonly Receipt[];
  /** At the one that fails in every way: requests end without an answer by themselves. */
  flaky: readonly Receipt[];
  /** At the one that takes no batch with a poisoned event in it. */
  picky: readonly Receipt[];
  poisoned: ReadonlySet<Key>;
  /** What the ledger says became of what is in the log, by destination. */
  decided: Readonly<Record<string, ReadonlyMap<Key, string>>>;
  kills: readonly Kill[];
  /** Ranges of the log that are closed for good; runs of hashes that there are at the end. */
  sealedCount: number;
  runCount: number;
  /** Requests that were answered though all of their events had been answered before. */
  repeatCount: number;
}

export interface Counts {
  sent: number;
  answered: number;
  foundInLog: number;
  foundInFiles: number;
  foundAtWebhook: number;
  lostInLog: number;
  lostInFiles: number;
  lostAtWebhook: number;
  doubledInLog: number;
  doubledInFiles: number;
  doubledAtWebhook: number;
  /** Of those, the ones of which no request was in flight at a kill. */
  unexplained: number;
  foundAtFlaky: number;
  lostAtFlaky: number;
  doubledAtFlaky: number;
  /** Of those, the ones whose first request had been answered, and was not in flight at a kill. */
  unexplainedAtFlaky: number;
  foundAtPicky: number;
  deadAtPicky: number;
  /** Neither taken nor a dead letter. */
  lostAtPicky: number;
  /** Dead letters of events that were not poisoned. */
  deadAmiss: number;
  unexplainedAtPicky: number;
  /** In the log, and at one of the destinations neither delivered nor a dead letter. */
  undecided: number;
  /** Found, and never sent as such. */
  unknown: number;
}

/**
 * For the router, a request is in flight until its ledger has the outcome, which is some time after the answer. Bounded,
 * so that a duplicate from any later moment is not explained away.
 */
const COMMIT_WITHIN_MS = 2_000;

export function count(evidence: Evidence): Counts {
  const { sent, answered, log, files, webhook, kills } = evidence;
  const [inLog, inFiles] = [new Set(log), new Set(files)];
  const hook = receiptsOf(webhook);
  const lost = (found: { has(key: Key): boolean }): number =>
    [...answered].filter((key) => !found.has(key)).length;
  const found = new Set([...inLog, ...inFiles, ...hook.keys()]);
  const [flaky, picky] = [receiptsOf(evidence.flaky), receiptsOf(evidence.picky)];
  const atPicky = evidence.decided['picky'] ?? new Map<Key, string>();
  const deadAtPicky = [...atPicky].flatMap(([key, kind]) => (kind === 'dead' ? [key] : []));
  const isDone = (key: Key): boolean =>
    Object.values(evidence.decided).every((decided) => /^(delivered|dead)$/.test(decided.get(key) ?? ''));
  return {
    sent: sent.size,
    answered: answered.size,
    foundInLog: inLog.size,
    foundInFiles: inFiles.size,
    foundAtWebhook: hook.size,
    lostInLog: lost(inLog),
    lostInFiles: lost(inFiles),
    lostAtWebhook: lost(hook),
    doubledInLog: log.length - inLog.size,
    doubledInFiles: files.length - inFiles.size,
    doubledAtWebhook: webhook.length - hook.size,
    unexplained: repeatsOf(hook).filter((repeat) => !isExplained(repeat, kills)).length,
    foundAtFlaky: flaky.size,
    lostAtFlaky: lost(flaky),
    doubledAtFlaky: evidence.flaky.length - flaky.size,
    unexplainedAtFlaky: repeatsOf(flaky).filter(
      (repeat) => repeat[0].answeredAtMs !== undefined && !isExplained(repeat, kills),
    ).length,
    foundAtPicky: picky.size,
    deadAtPicky: deadAtPicky.length,
    lostAtPicky: lost({ has: (key) => picky.has(key) || atPicky.get(key) === 'dead' }),
    deadAmiss: deadAtPicky.filter((key) => !evidence.poisoned.has(key)).length,
    unexplainedAtPicky: repeatsOf(picky).filter((repeat) => !isExplained(repeat, kills)).length,
    undecided: [...inLog].filter((key) => !isDone(key)).length,
    unknown: [...found].filter((key) => !sent.has(key)).length,
  };
}

type Repeat = readonly [first: Receipt, later: Receipt];

function repeatsOf(receipts: Map<Key, Receipt[]>): Repeat[] {
  return [...receipts.values()].flatMap((same) => same.slice(1).map((later, i): Repeat => [same[i]!, later]));
}

function isExplained([first, later]: Repeat, kills: readonly Kill[]): boolean {
  return kills.some((kill) => explains(kill, first, later));
}

function explains({ atMs, goneMs }: Kill, first: Receipt, later: Receipt): boolean {
  const settledMs = (first.answeredAtMs ?? Infinity) + COMMIT_WITHIN_MS;
  return first.receivedAtMs <= goneMs && settledMs >= atMs && later.receivedAtMs >= atMs;
}

function receiptsOf(webhook: readonly Receipt[]): Map<Key, Receipt[]> {
  const receipts = new Map<Key, Receipt[]>();
  for (const receipt of webhook) {
    const known = receipts.get(receipt.key);
    if (known) known.push(receipt);
    else receipts.set(receipt.key, [receipt]);
  }
  return receipts;
}

/** What must be 0, and what must not: a run that sealed nothing and repeated nothing has shown nothing. */
export function breachesOf(evidence: Evidence): string[] {
  const counts = count(evidence);
  const none = [
    'lostInLog',
    'lostInFiles',
    'lostAtWebhook',
    'doubledInLog',
    'doubledInFiles',
    'unexplained',
    'unknown',
    'lostAtFlaky',
    'unexplainedAtFlaky',
    'lostAtPicky',
    'deadAmiss',
    'unexplainedAtPicky',
    'undecided',
  ] as const;
  const some = {
    answered: counts.answered,
    kills: evidence.kills.length,
    sealedCount: evidence.sealedCount,
    runCount: evidence.runCount,
    repeatCount: evidence.repeatCount,
    doubledAtFlaky: counts.doubledAtFlaky,
    deadAtPicky: counts.deadAtPicky,
  };
  return [
    ...none.filter((name) => counts[name] > 0).map((name) => `${name}: expected 0, got ${counts[name]}`),
    ...Object.entries(some)
      .filter(([, value]) => value === 0)
      .map(([name]) => `${name}: expected some, got 0`),
  ];
}
