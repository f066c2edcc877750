import { expect, it } from 'vitest';
import { describeLogContract } from './contract.ts';
import { memoryLog } from './memory-log.ts';

for (const [partitionCount, rangeMaxCount] of [
  [1, 1000],
  [3, 1],
] as const) {
  describeLogContract({
    name: `memory, ${partitionCount} partition(s)`,
    partitionCount,
    isPersistent: false,
    sealsEachCommit: rangeMaxCount === 1,
    create: async () => ({ ...memoryLog({ partitionCount, rangeMaxCount }), destroy: async () => {} }),
  });
}

it('refuses a partition count that is none', () => {
  expect(() => memoryLog({ partitionCount: 0 })).toThrow(
    'partitionCount must be a whole number from 1, not 0',
  );
});
