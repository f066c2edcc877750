import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HashTable } from './hash-table.ts';

/** Few values for each word, the largest among them: so that hashes meet, and belong at the end. */
const word = fc.constantFrom(0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff);
const hash = fc
  .oneof(
    fc.tuple(word, word, word, word),
    fc.tuple(
      ...([0, 1, 2, 3].map(() => fc.nat({ max: 0xffffffff })) as [
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
        fc.Arbitrary<number>,
      ]),
    ),
  )
  .filter((words) => words.some((each) => each !== 0));
const hashes = fc.array(hash, { maxLength: 1000, size: 'max' });

function bigOf(words: ArrayLike<number>, at = 0): bigint {
  return [0, 1, 2, 3].reduce((sum, i) => (sum << 32n) | BigInt(words[at + i]!), 0n);
}

describe('a table of hashes', () => {
  it('is a set, and always in order', () => {
    fc.assert(
      fc.property(hashes, hashes, (added, others) => {
        const table = new HashTable();
        for (const words of added) table.add(Uint32Array.from(words));
        const expected = new Set(added.map((words) => bigOf(words)));
        const wrong = [...added, ...others].filter(
          (words) => table.has(Uint32Array.from(words)) !== expected.has(bigOf(words)),
        );
        expect(wrong).toEqual([]);
        const found: bigint[] = [];
        for (const piece of table.sorted()) {
          for (let at = 0; at < piece.length; at += 4) found.push(bigOf(piece, at));
        }
        expect(found).toEqual([...expected].toSorted((a, b) => (a < b ? -1 : 1)));
        expect(table.count).toBe(expected.size);
      }),
      { numRuns: 30 },
    );
  });

  it('takes no more memory for hashes that were chosen to meet', () => {
    const table = new HashTable();
    for (let i = 0; i < 5000; i++) table.add(Uint32Array.of(0xffffffff, 0xffffffff, 0xffffffff, i));
    expect(table.count).toBe(5000);
    expect(table.memoryBytes).toBeLessThan(5000 * 100);
  });

  it('takes less than 51 bytes a hash once there are some', () => {
    const table = new HashTable();
    const bytesEach: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      table.add(Uint32Array.of(Math.imul(i + 1, 0x9e3779b1) >>> 0, i, i, i));
      bytesEach.push(table.memoryBytes / table.count);
    }
    expect(Math.max(...bytesEach.slice(2000))).toBeLessThan(51);
  });
});
