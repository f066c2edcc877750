import { WORD_RANGE, type HashWords } from './hash-words.ts';

/** Up to so many hashes a run is small. */
const SMALL_COUNT = 4_000_000;

/**
 * With 12 bits 0.3 % of the hashes that are not in a run look as if they were. Each run adds its share, however small
 * it is, and each of those costs a read of the disk: so small runs, which have few hashes of all, get 20 and add a tenth.
 */
export function filterBitsPerHash(hashCount: number): number {
  return hashCount > SMALL_COUNT ? 12 : 20;
}

/** One block is a cache line, so a look at a filter waits for memory once. */
export const FILTER_BLOCK_BYTES = 64;
const BLOCK_WORDS = FILTER_BLOCK_BYTES / 4;
const BLOCK_BITS = FILTER_BLOCK_BYTES * 8;

export function filterBlockCount(hashCount: number): number {
  return Math.max(1, Math.ceil((hashCount * filterBitsPerHash(hashCount)) / BLOCK_BITS));
}

/**
 * A Bloom filter whose bits for one hash, eight, are all in one block: one in each 64 bits of it. The
 * first word of the hash says which block, so who adds hashes in order goes through the filter once from
 * its beginning to its end, however large it is.
 */
export function addToFilter(filter: Uint32Array, hashes: Uint32Array, at: number): void {
  const block = blockOf(filter, hashes[at]!);
  const a = hashes[at + 2]!;
  const b = hashes[at + 3]!;
  filter[block + (a & 1)]! |= 1 << (a >>> 1);
  filter[block + 2 + ((a >>> 6) & 1)]! |= 1 << (a >>> 7);
  filter[block + 4 + ((a >>> 12) & 1)]! |= 1 << (a >>> 13);
  filter[block + 6 + ((a >>> 18) & 1)]! |= 1 << (a >>> 19);
  filter[block + 8 + ((a >>> 24) & 1)]! |= 1 << (a >>> 25);
  filter[block + 10 + (b & 1)]! |= 1 << (b >>> 1);
  filter[block + 12 + ((b >>> 6) & 1)]! |= 1 << (b >>> 7);
  filter[block + 14 + ((b >>> 12) & 1)]! |= 1 << (b >>> 13);
}

/**
 * False: none of the filters was given the hash. All bits of all filters are looked at without a branch: it would
 * be guessed wrong half of the time, and the memory of one filter would be waited for after that of the other.
 */
export function anyFilterMayHave(filters: readonly Uint32Array[], hash: HashWords): boolean {
  const first = hash[0]!;
  const a = hash[2]!;
  const b = hash[3]!;
  let found = 0;
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    const block = blockOf(filter, first);
    found |=
      (filter[block + (a & 1)]! >>> (a >>> 1)) &
      (filter[block + 2 + ((a >>> 6) & 1)]! >>> (a >>> 7)) &
      (filter[block + 4 + ((a >>> 12) & 1)]! >>> (a >>> 13)) &
      (filter[block + 6 + ((a >>> 18) & 1)]! >>> (a >>> 19)) &
      (filter[block + 8 + ((a >>> 24) & 1)]! >>> (a >>> 25)) &
      (filter[block + 10 + (b & 1)]! >>> (b >>> 1)) &
      (filter[block + 12 + ((b >>> 6) & 1)]! >>> (b >>> 7)) &
      (filter[block + 14 + ((b >>> 12) & 1)]! >>> (b >>> 13));
  }
  return (found & 1) === 1;
}

function blockOf(filter: Uint32Array, first: number): number {
  return Math.floor((first * (filter.length / BLOCK_WORDS)) / WORD_RANGE) * BLOCK_WORDS;
}
