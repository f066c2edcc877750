import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToBlock, BLOCK_POSITION_COUNT, blockOf, outcomesInBlock } from './decision-block.ts';
import { dead, delivered, filtered } from './contract.ts';

describe('a block of decisions', () => {
  it('costs ranges, not rows', () => {
    const decisions = Array.from({ length: 900 }, (_, position) =>
      position === 7 ? dead(7) : delivered(position),
    );
    expect(addToBlock(undefined, decisions)).toBe('{"delivered":"0-6,8-899","dead:HTTP_400":"7"}');
  });

  it('takes the last decision on a position', () => {
    const block = addToBlock(undefined, [dead(2), delivered(3)]);
    expect(addToBlock(block, [delivered(2)])).toBe('{"delivered":"2-3"}');
  });

  it('gives back every outcome, however the decisions came in', () => {
    const blockNumber = 5;
    const base = blockNumber * BLOCK_POSITION_COUNT;
    const decision = fc
      .record({
        offset: fc.nat({ max: BLOCK_POSITION_COUNT - 1 }),
        make: fc.constantFrom(delivered, filtered, dead),
      })
      .map(({ offset, make }) => make(base + offset));
    fc.assert(
      fc.property(fc.array(fc.array(decision, { maxLength: 20 }), { maxLength: 20 }), (commits) => {
        const block = commits.reduce<string | undefined>(
          (before, commit) => addToBlock(before, commit),
          undefined,
        );
        const expected = new Map(
          commits
            .flat()
            .map(({ position, outcome, code }) => [position, code ? `${outcome}:${code}` : outcome]),
        );
        expect(outcomesInBlock(blockNumber, block ?? '{}')).toEqual(expected);
        for (const position of expected.keys()) expect(blockOf(position)).toBe(blockNumber);
      }),
    );
  });
});
