import { pino } from 'pino';
import { expect, it } from 'vitest';
import { manualClock, runUntil, settled } from './test-rig.ts';
import { keepLedger } from './upkeep.ts';

it('prunes until there is nothing more, again each minute, also after an error, and stops when told', async () => {
  const clock = manualClock();
  const startMs = clock.nowMs();
  const stopping = new AbortController();
  const calls: { atMs: number; retainMs: number }[] = [];
  let left = 3;
  const kept = keepLedger({
    ledger: {
      prune(retainMs) {
        calls.push({ atMs: clock.nowMs() - startMs, retainMs });
        if (calls.length === 4) throw new Error('database is locked');
        left -= 1;
        return left > 0;
      },
    },
    retainMs: 5,
    clock,
    logger: pino({ level: 'silent' }),
    signal: stopping.signal,
  });
  while (calls.length < 3) await settled();
  await runUntil(clock, () => calls.length === 5);
  expect(calls.map(({ atMs }) => atMs)).toStrictEqual([0, 0, 0, 60_000, 120_000]);
  expect(calls.every(({ retainMs }) => retainMs === 5)).toBe(true);
  await settled();
  stopping.abort();
  await kept;
  clock.advanceTo(startMs + 600_000);
  await settled();
  expect(calls).toHaveLength(5);
});
