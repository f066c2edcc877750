import { describe, expect, it } from 'vitest';
import { breachesOf, count, type Evidence, type Receipt } from './count.ts';

const receipt = (key: string, receivedAtMs: number, answeredAtMs?: number): Receipt => ({
  key,
  receivedAtMs,
  ...(answeredAtMs !== undefined && { answeredAtMs }),
});

/** Two events, of which one was answered; a kill from 1,000 to 1,010. */
const sound: Evidence = {
  sent: new Set(['s/a', 's/b']),
  answered: new Set(['s/a']),
  log: ['s/a'],
  files: ['s/a'],
  webhook: [receipt('s/a', 500, 510)],
  flaky: [receipt('s/a', 500), receipt('s/a', 600, 610)],
  picky: [],
  poisoned: new Set(['s/a']),
  decided: { disk: new Map([['s/a', 'delivered']]), picky: new Map([['s/a', 'dead']]) },
  kills: [{ what: 'server', atMs: 1_000, goneMs: 1_010, restartMs: 400 }],
  sealedCount: 1,
  runCount: 1,
  repeatCount: 1,
};

describe('what a run has shown', () => {
  it('is nothing wrong where all that was answered is there once', () => {
    expect(breachesOf(sound)).toEqual([]);
    const unanswered = ['s/a', 's/b'];
    const decided = {
      disk: new Map(unanswered.map((key) => [key, 'delivered'])),
      picky: new Map([
        ['s/a', 'dead'],
        ['s/b', 'delivered'],
      ]),
    };
    expect(breachesOf({ ...sound, log: unanswered, files: unanswered, decided })).toEqual([]);
    expect(count(sound)).toMatchObject({ sent: 2, answered: 1, foundInLog: 1, foundAtWebhook: 1 });
  });

  it.each<[string, Partial<Evidence>]>([
    ['lostInLog: expected 0, got 1', { log: [] }],
    ['lostInFiles: expected 0, got 1', { files: [] }],
    ['lostAtWebhook: expected 0, got 1', { webhook: [] }],
    ['doubledInLog: expected 0, got 1', { log: ['s/a', 's/a'] }],
    ['doubledInFiles: expected 0, got 1', { files: ['s/a', 's/a'] }],
    ['unknown: expected 0, got 1', { files: ['s/a', 'garbled s/b'] }],
    ['lostAtFlaky: expected 0, got 1', { flaky: [receipt('s/b', 1), receipt('s/b', 2)] }],
    [
      'unexplainedAtFlaky: expected 0, got 1',
      { flaky: [receipt('s/a', 5_000, 5_010), receipt('s/a', 5_020, 5_030)] },
    ],
    [
      'unexplainedAtPicky: expected 0, got 1',
      { picky: [receipt('s/a', 5_000, 5_010), receipt('s/a', 5_020, 5_030)] },
    ],
    ['deadAmiss: expected 0, got 1', { poisoned: new Set<string>() }],
    ['undecided: expected 0, got 1', { decided: { ...sound.decided, disk: new Map([['s/a', 'pending']]) } }],
    ['doubledAtFlaky: expected some, got 0', { flaky: [receipt('s/a', 500, 510)] }],
    ['kills: expected some, got 0', { kills: [] }],
    ['sealedCount: expected some, got 0', { sealedCount: 0 }],
    ['runCount: expected some, got 0', { runCount: 0 }],
    ['repeatCount: expected some, got 0', { repeatCount: 0 }],
  ])('is a breach: %s', (breach, change) => {
    expect(breachesOf({ ...sound, ...change })).toEqual([breach]);
  });

  it.each<[string, Receipt[], number]>([
    ['unanswered at the kill', [receipt('s/a', 990), receipt('s/a', 1_500, 1_510)], 0],
    ['answered shortly before it', [receipt('s/a', 900, 950), receipt('s/a', 1_500, 1_510)], 0],
    ['that arrived while it died', [receipt('s/a', 1_005), receipt('s/a', 1_500, 1_510)], 0],
    ['again before the kill', [receipt('s/a', 900, 950), receipt('s/a', 990, 995)], 1],
    ['first after the kill', [receipt('s/a', 1_100, 1_110), receipt('s/a', 1_500, 1_510)], 1],
    ['a third time', [receipt('s/a', 990), receipt('s/a', 1_500, 1_510), receipt('s/a', 1_600, 1_610)], 1],
  ])('explains by a kill only what was in flight at it: %s', (_, webhook, unexplained) => {
    expect(count({ ...sound, webhook })).toMatchObject({ unexplained });
    expect(breachesOf({ ...sound, webhook })).toHaveLength(unexplained);
  });

  it('does not explain what was settled long before the kill', () => {
    const kills = [{ what: 'router' as const, atMs: 10_000, goneMs: 10_001, restartMs: 400 }];
    const webhook = [receipt('s/a', 500, 510), receipt('s/a', 10_500, 10_510)];
    expect(count({ ...sound, kills, webhook })).toMatchObject({ doubledAtWebhook: 1, unexplained: 1 });
  });
});
