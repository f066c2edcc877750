import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addNumber, formatRanges, parseRanges, rangesOf, removeNumber, type Range } from './ranges.ts';

describe('ranges', () => {
  it.each([
    [[], ''],
    [[0], '0'],
    [[0, 1, 2, 3, 4, 7, 9, 10], '0-4,7,9-10'],
    [[Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER], '9007199254740990-9007199254740991'],
  ])('writes %j as "%s", and reads it back', (numbers, text) => {
    expect(formatRanges(rangesOf(numbers))).toBe(text);
    expect(parseRanges(text)).toEqual(rangesOf(numbers));
  });

  it('joins what follows each other', () => {
    expect(rangesOf([1, 2, 4])).toEqual([
      { first: 1, last: 2 },
      { first: 4, last: 4 },
    ]);
  });

  it('holds the numbers that a set would hold, in the fewest runs, in whatever order they come and go', () => {
    const step = fc.record({ number: fc.nat({ max: 40 }), added: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const ranges: Range[] = [];
        const set = new Set<number>();
        for (const { number, added } of steps) {
          if (added) {
            addNumber(ranges, number);
            set.add(number);
          } else {
            removeNumber(ranges, number);
            set.delete(number);
          }
        }
        expect(ranges).toEqual(rangesOf([...set].toSorted((a, b) => a - b)));
      }),
    );
  });
});
