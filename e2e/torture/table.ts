import { count, type Evidence, type Kill } from './count.ts';

/** What was counted, as lines of text. */
export function tableOf(evidence: Evidence): string {
  const counts = count(evidence);
  const { kills } = evidence;
  const rows: [string, string | number][] = [
    ['kill -9 of the server', kills.filter(({ what }) => what === 'server').length],
    ['kill -9 of the router', kills.filter(({ what }) => what === 'router').length],
    ['segments sealed', evidence.sealedCount],
    ['runs of hashes at the end', evidence.runCount],
    ['requests repeated on purpose', evidence.repeatCount],
    ['sent', counts.sent],
    ['answered 200', counts.answered],
    ['found in the log', counts.foundInLog],
    ['found at the files destination', counts.foundInFiles],
    ['found at the webhook', counts.foundAtWebhook],
    ['lost in the log (must be 0)', counts.lostInLog],
    ['lost at the files destination (must be 0)', counts.lostInFiles],
    ['lost at the webhook (must be 0)', counts.lostAtWebhook],
    ['twice in the log (must be 0)', counts.doubledInLog],
    ['twice at the files destination (must be 0)', counts.doubledInFiles],
    ['again at the webhook, in flight at a kill', counts.doubledAtWebhook - counts.unexplained],
    ['again at the webhook, not in flight at a kill (must be 0)', counts.unexplained],
    ['found at the flaky webhook', counts.foundAtFlaky],
    ['lost at the flaky webhook (must be 0)', counts.lostAtFlaky],
    [
      'again at the flaky webhook, unanswered or in flight at a kill',
      counts.doubledAtFlaky - counts.unexplainedAtFlaky,
    ],
    ['again at the flaky webhook, else (must be 0)', counts.unexplainedAtFlaky],
    ['found at the picky webhook', counts.foundAtPicky],
    ['dead letters of the picky webhook, all poisoned', counts.deadAtPicky],
    ['dead letters that were not poisoned (must be 0)', counts.deadAmiss],
    ['lost at the picky webhook (must be 0)', counts.lostAtPicky],
    ['again at the picky webhook, not in flight at a kill (must be 0)', counts.unexplainedAtPicky],
    ['undecided at one of the four (must be 0)', counts.undecided],
    ['found, and never sent so (must be 0)', counts.unknown],
    ['restart of the server, ms', times(kills, 'server')],
    ['restart of the router, ms', times(kills, 'router')],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value.toLocaleString('en-US')}`).join('\n');
}

function times(kills: readonly Kill[], wanted: Kill['what']): string {
  const sorted = kills
    .filter(({ what }) => what === wanted)
    .map(({ restartMs }) => Math.round(restartMs))
    .toSorted((a, b) => a - b);
  return `median ${sorted[sorted.length >> 1]}, longest ${sorted.at(-1)}`;
}
