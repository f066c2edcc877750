/** What one place of a pattern takes; `many` is a star. */
type Piece = 'many' | ((character: string) => boolean);

/**
 * A pattern of the whole text: `*` is any text, `?` one character, `[abc]` and `[a-z]` one of those, and a backslash
 * takes the next character as it is. Never takes longer than the length of the text times that of the pattern.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const pieces = piecesOf(Array.from(pattern));
  return (text) => matches(Array.from(text), pieces);
}

function matches(text: readonly string[], pieces: readonly Piece[]): boolean {
  let at = 0;
  let piece = 0;
  let star: { piece: number; at: number } | undefined;
  while (at < text.length) {
    const wanted = pieces[piece];
    if (wanted === 'many') {
      star = { piece, at };
      piece += 1;
    } else if (wanted?.(text[at]!)) {
      piece += 1;
      at += 1;
    } else if (star) {
      // The last star takes one more; what an earlier one took need not be tried again.
      star.at += 1;
      at = star.at;
      piece = star.piece + 1;
    } else {
      return false;
    }
  }
  return pieces.slice(piece).every((rest) => rest === 'many');
}

function piecesOf(pattern: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    const close = character === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (character === '*') pieces.push('many');
    else if (character === '?') pieces.push(() => true);
    else if (close >= 0) {
      pieces.push(oneOf(pattern.slice(at + 1, close)));
      at = close;
    } else {
      const isEscape = character === '\\' && at + 1 < pattern.length;
      if (isEscape) at += 1;
      const wanted = pattern[at]!;
      pieces.push((candidate) => candidate === wanted);
    }
  }
  return pieces;
}

function oneOf(members: readonly string[]): Piece {
  const ranges: [string, string][] = [];
  for (let at = 0; at < members.length; at += 1) {
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    ranges.push([members[at]!, members[isRange ? at + 2 : at]!]);
    if (isRange) at += 2;
  }
  return (character) => ranges.some(([from, to]) => from <= character && character <= to);
}
