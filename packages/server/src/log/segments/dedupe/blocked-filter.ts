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

/** Where to look in each of the filters. There is one lookup at a time. */
let blocks = new Uint32Array(64);

/**
 * False: none of the filters was given the hash. The memory of all of them is asked for before any of it is needed, and all
 * bits are looked at without a branch, which would be guessed wrong half of the time: so the waiting is done once.
 */
export function anyFilterMayHave(filters: readonly Uint32Array[], hash: HashWords): boolean {
  const first = hash[0]!;
  const a = hash[2]!;
  const b = hash[3]!;
  if (filters.length > blocks.length) blocks = new Uint32Array(2 * filters.length);
  let asked = 0;
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    const block = blockOf(filter, first);
    blocks[i] = block;
    asked |= filter[block]!;
  }
  // Bit 0 says what was found. The other word is of no interest but that it was read.
  let found = asked & ~1;
  for (let i = 0; i < filters.length; i++) {
    const filter = filters[i]!;
    const block = blocks[i]!;
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
