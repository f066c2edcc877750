import { expect, it } from 'vitest';
import { memoryLedger } from '../ledger/memory.ts';
import { expire } from './expire.ts';

const of = { destinationId: 'hook', partition: 0 };
const nothing = { decisions: [], pending: [], dead: [] };

it('decides what is pending and what was not looked at, each once, synced, and nothing behind', async () => {
  const store = memoryLedger();
  const ledger = store.open();
  const pending = [3, 5, 30_000].map((position) => ({ position, attemptCount: 1, notBeforeMs: 0 }));
  ledger.commit({ ...of, ...nothing, cursor: 7, pending: pending.slice(0, 2) });
  await expire(ledger, { ...of, before: 25_000 });
  expect(store.reader().totals()).toMatchObject([
    { dead: { EXPIRED_BEFORE_DELIVERY: 25_000 - 7 + 2 }, pendingCount: 0, cursors: { 0: 25_000 } },
  ]);
  expect(store.settlements.at(-1)?.synced).toBe(true);
});

it('leaves the cursor where that is behind, and what is pending there', async () => {
  const store = memoryLedger();
  const ledger = store.open();
  const pending = [3, 8].map((position) => ({ position, attemptCount: 1, notBeforeMs: 0 }));
  ledger.commit({ ...of, ...nothing, cursor: 20, pending });
  await expire(ledger, { ...of, before: 5 });
  expect(ledger.load('hook', 0)).toMatchObject({ cursor: 20, pending: [{ position: 8 }] });
  expect(ledger.neededFrom('hook', 0)).toBe(8);
  expect(store.settlements.at(-1)?.synced).toBe(true);
});

it('leaves what has a copy of its event', async () => {
  const ledger = memoryLedger().open();
  const letter = { messageId: 'm', code: 'HTTP_400', attemptCount: 1, diedAtMs: 1, event: Buffer.from('{}') };
  const decided = { position: 3, outcome: 'dead', code: 'HTTP_400' } as const;
  const dead = [{ ...letter, position: 3 }];
  ledger.commit({ ...of, ...nothing, cursor: 20, decisions: [decided], dead });
  ledger.changeDead('retry', { filter: {} });
  ledger.revive('hook', 0, { maxCount: 1, maxBytes: 1 });
  await expire(ledger, { ...of, before: 30 });
  expect(ledger.load('hook', 0)).toMatchObject({ cursor: 30, pending: [{ position: 3 }] });
});
