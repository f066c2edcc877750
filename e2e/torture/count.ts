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
  const repeats = [...hook.values()].flatMap((receipts) =>
    receipts.slice(1).map((later, i) => [receipts[i]!, later] as const),
  );
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
    unexplained: repeats.filter(([first, later]) => !kills.some((kill) => explains(kill, first, later)))
      .length,
    unknown: [...found].filter((key) => !sent.has(key)).length,
  };
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
  ] as const;
  const some = {
    answered: counts.answered,
    kills: evidence.kills.length,
    sealedCount: evidence.sealedCount,
    runCount: evidence.runCount,
    repeatCount: evidence.repeatCount,
  };
  return [
    ...none.filter((name) => counts[name] > 0).map((name) => `${name}: expected 0, got ${counts[name]}`),
    ...Object.entries(some)
      .filter(([, value]) => value === 0)
      .map(([name]) => `${name}: expected some, got 0`),
  ];
}
