import { expect, it } from 'vitest';
import { breachesOf } from './count.ts';
import { torture } from './torture.ts';

it('kill -9 of server and router under mixed load loses nothing, and doubles nothing unexplained', async () => {
  const evidence = await torture({ minKillCount: 3, minMs: 0, maxLifeMs: 2_000 });
  expect(breachesOf(evidence)).toEqual([]);
}, 240_000);
