import { HASH_WORDS, compareHashes } from './hash-words.ts';

/** Hashes in order, in pieces that last until the next one is taken. */
export type SortedHashes = Iterable<Uint32Array> | AsyncIterable<Uint32Array>;

const PIECE_WORDS = 4096 * HASH_WORDS;

/** Those of both, each once. */
export async function* mergedHashes(
  left: AsyncGenerator<Uint32Array>,
  right: AsyncGenerator<Uint32Array>,
): AsyncGenerator<Uint32Array> {
  const piece = new Uint32Array(PIECE_WORDS);
  let filled = 0;
  try {
    let a = await nextPiece(left);
    let b = await nextPiece(right);
    let atA = 0;
    let atB = 0;
    while (a && b) {
      const order = compareHashes(a, atA, b, atB);
      const [from, at] = order <= 0 ? [a, atA] : [b, atB];
      for (let word = 0; word < HASH_WORDS; word++) piece[filled + word] = from[at + word]!;
      filled += HASH_WORDS;
      if (filled === PIECE_WORDS) {
        yield piece;
        filled = 0;
      }
      if (order <= 0) atA += HASH_WORDS;
      if (order >= 0) atB += HASH_WORDS;
      if (atA === a.length) [a, atA] = [await nextPiece(left), 0];
      if (atB === b.length) [b, atB] = [await nextPiece(right), 0];
    }
    if (filled > 0) yield piece.subarray(0, filled);
    if (a) yield a.subarray(atA);
    if (b) yield b.subarray(atB);
    yield* left;
    yield* right;
  } finally {
    await left.return(undefined);
    await right.return(undefined);
  }
}

async function nextPiece(source: AsyncGenerator<Uint32Array>): Promise<Uint32Array | undefined> {
  const next = await source.next();
  return next.done ? undefined : next.value;
}
