import type { SearchCursor } from './search.ts';

/** For example `0:1520,1:988`. */
export function encodeSearchCursor(cursor: SearchCursor): string {
  return Object.entries(cursor)
    .map(([partition, position]) => `${partition}:${position}`)
    .join(',');
}

const MAX_CHARS = 4_096;
const SHAPE = /^\d+:\d+(?:,\d+:\d+)*$/;

/** Undefined for anything but what {@link encodeSearchCursor} makes: it comes back from outside. */
export function decodeSearchCursor(text: string): SearchCursor | undefined {
  if (text.length > MAX_CHARS || !SHAPE.test(text)) return undefined;
  const pairs = text.split(',').map((pair) => pair.split(':').map(Number));
  return pairs.flat().every(Number.isSafeInteger) ? (Object.fromEntries(pairs) as SearchCursor) : undefined;
}
