/**
 * An event hash as numbers: the four little-endian u32 of its 16 bytes. They are uniform, so the first
 * says where in any sorted set a hash is, and the others are as good as independent of it.
 */
export type HashWords = Uint32Array;

export const HASH_WORDS = 4;
export const HASH_BYTES = 16;
export const WORD_RANGE = 2 ** 32;

/** @param hash One Latin-1 character a byte, as of `eventHash`. */
export function readHashText(hash: string, into: HashWords): void {
  for (let word = 0, at = 0; word < HASH_WORDS; word++, at += 4) {
    into[word] =
      hash.charCodeAt(at) |
      (hash.charCodeAt(at + 1) << 8) |
      (hash.charCodeAt(at + 2) << 16) |
      (hash.charCodeAt(at + 3) << 24);
  }
}

export function readHashBytes(bytes: Buffer, at: number, into: HashWords): void {
  for (let word = 0; word < HASH_WORDS; word++) into[word] = bytes.readUInt32LE(at + 4 * word);
}

/** Below 0 where the hash at `a` in `left` comes before the one at `b` in `right`, 0 where they are equal. */
export function compareHashes(left: Uint32Array, a: number, right: Uint32Array, b: number): number {
  for (let word = 0; word < HASH_WORDS; word++) {
    const difference = left[a + word]! - right[b + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
