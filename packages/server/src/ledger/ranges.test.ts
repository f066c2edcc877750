import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRanges, parseRanges, rangesOf } from './ranges.ts';

describe('ranges', () => {
  it.each([
    [[], ''],
    [[0], '0'],
    [[0, 1, 2, 3, 4, 7, 9, 10], '0-4,7,9-10'],
    [[Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER], '9007199254740990-9007199254740991'],
  ])('writes %j as "%s"', (numbers, text) => {
    expect(formatRanges(numbers)).toBe(text);
  });

  it('gives back what was written', () => {
    const ascending = fc
      .uniqueArray(fc.nat({ max: 200 }))
      .map((numbers) => numbers.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(ascending, (numbers) => {
        expect(parseRanges(formatRanges(numbers))).toEqual(numbers);
      }),
    );
  });

  it('joins what follows each other', () => {
    expect(rangesOf([1, 2, 4])).toEqual([
      { first: 1, last: 2 },
      { first: 4, last: 4 },
    ]);
  });
});
