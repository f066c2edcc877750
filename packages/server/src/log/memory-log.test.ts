import { expect, it } from 'vitest';
import { describeLogContract } from './contract.ts';
import { memoryLog } from './memory-log.ts';

for (const partitionCount of [1, 3]) {
  describeLogContract({
    name: `memory, ${partitionCount} partition(s)`,
    partitionCount,
    isPersistent: false,
    create: async () => ({ ...memoryLog({ partitionCount }), destroy: async () => {} }),
  });
}

it('refuses a partition count that is none', () => {
  expect(() => memoryLog({ partitionCount: 0 })).toThrow(
    'partitionCount must be a whole number from 1, not 0',
  );
});
