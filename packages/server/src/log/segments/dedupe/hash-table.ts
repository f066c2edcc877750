import { HASH_WORDS, WORD_RANGE, compareHashes, type HashWords } from './hash-words.ts';

const FIRST_SLOT_COUNT = 1024;
/** Past it the slots are doubled: groups of neighbours grow long beyond. */
const MAX_LOAD = 0.65;
/** Room behind the last home, for the hashes that were pushed out of theirs. */
const SPARE_SLOT_COUNT = 64;
const PIECE_HASHES = 4096;

/**
 * A set of hashes in one block of memory, 25 to 50 bytes each, where a `Set` of strings takes 100. Open addressing with the
 * home of a hash by its first word, and those that meet kept in order: so the whole is always sorted, and
 * to write it as a run is to walk through it. An empty slot is all zeros; a hash of zeros is not kept.
 */
export class HashTable {
  #slotCount: number;
  #words: Uint32Array;
  #count = 0;

  constructor() {
    this.#slotCount = FIRST_SLOT_COUNT;
    this.#words = new Uint32Array((FIRST_SLOT_COUNT + SPARE_SLOT_COUNT) * HASH_WORDS);
  }

  get count(): number {
    return this.#count;
  }

  get memoryBytes(): number {
    return this.#words.byteLength;
  }

  get #spareSlotCount(): number {
    return this.#words.length / HASH_WORDS - this.#slotCount;
  }

  has(hash: HashWords): boolean {
    const words = this.#words;
    const at = this.#placeOf(hash);
    return at < words.length && compareHashes(words, at, hash, 0) === 0;
  }

  add(hash: HashWords): void {
    if (this.#count >= this.#slotCount * MAX_LOAD) this.#resize(this.#slotCount * 2, this.#spareSlotCount);
    const at = this.#placeOf(hash);
    const words = this.#words;
    if (at < words.length && compareHashes(words, at, hash, 0) === 0) return;
    let free = at;
    while (free < words.length && !isEmpty(words, free)) free += HASH_WORDS;
    if (free < words.length) {
      for (let i = free - 1; i >= at; i--) words[i + HASH_WORDS] = words[i]!;
      for (let word = 0; word < HASH_WORDS; word++) words[at + word] = hash[word]!;
      this.#count++;
      return;
    }
    // Not by doubling: whoever looks for hashes that all belong at the end must not double the memory.
    this.#resize(this.#slotCount, 2 * this.#spareSlotCount);
    this.add(hash);
  }

  /** All hashes, in order, in pieces that last until the next one is taken. The set must not change meanwhile. */
  *sorted(): Generator<Uint32Array> {
    const words = this.#words;
    const piece = new Uint32Array(PIECE_HASHES * HASH_WORDS);
    let filled = 0;
    for (let at = 0; at < words.length; at += HASH_WORDS) {
      if (isEmpty(words, at)) continue;
      for (let word = 0; word < HASH_WORDS; word++) piece[filled + word] = words[at + word]!;
      filled += HASH_WORDS;
      if (filled < piece.length) continue;
      yield piece;
      filled = 0;
    }
    if (filled > 0) yield piece.subarray(0, filled);
  }

  /** Where the hash is or belongs: the first slot from its home on that is empty or not before it. */
  #placeOf(hash: HashWords): number {
    const words = this.#words;
    const first = hash[0]!;
    let at = homeOf(first, this.#slotCount);
    for (; at < words.length; at += HASH_WORDS) {
      const found = words[at]!;
      if (found > first || isEmpty(words, at)) break;
      if (found === first && compareHashes(words, at, hash, 0) >= 0) break;
    }
    return at;
  }

  #resize(slotCount: number, spareSlotCount: number): void {
    const old = this.#words;
    const words = new Uint32Array((slotCount + spareSlotCount) * HASH_WORDS);
    let free = 0;
    for (let from = 0; from < old.length; from += HASH_WORDS) {
      if (isEmpty(old, from)) continue;
      const at = Math.max(free, homeOf(old[from]!, slotCount));
      for (let word = 0; word < HASH_WORDS; word++) words[at + word] = old[from + word]!;
      free = at + HASH_WORDS;
    }
    this.#words = words;
    this.#slotCount = slotCount;
  }
}

function homeOf(first: number, slotCount: number): number {
  return Math.floor((first * slotCount) / WORD_RANGE) * HASH_WORDS;
}

function isEmpty(words: Uint32Array, at: number): boolean {
  return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
}
