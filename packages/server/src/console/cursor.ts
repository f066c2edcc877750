import type { Partition, Position } from '../log/log.ts';

/** How far a watcher has got: what the stream's `id:` carries, so that a reconnect loses nothing. */
export interface StreamCursor {
  /** For each partition of the log the first position not seen yet. */
  positions: Readonly<Record<Partition, Position>>;
  /** The newest refusal seen; numbers start anew with each run of the server. */
  refused: { runId: string; seq: number };
}

/** For example `0:1520,1:988/1763909000000:17`. */
export function encodeCursor({ positions, refused }: StreamCursor): string {
  const parts = Object.entries(positions).map(([partition, position]) => `${partition}:${position}`);
  return `${parts.join(',')}/${refused.runId}:${refused.seq}`;
}

const MAX_CHARS = 4_096;
const SHAPE = /^(?:\d+:\d+(?:,\d+:\d+)*)?\/\d+:\d+$/;

/** Undefined for anything but what {@link encodeCursor} makes: it comes back from outside. */
export function decodeCursor(text: string | undefined): StreamCursor | undefined {
  if (text === undefined || text.length > MAX_CHARS || !SHAPE.test(text)) return undefined;
  const [log = '', ring = ''] = text.split('/');
  const pairs = log === '' ? [] : log.split(',').map((pair) => pair.split(':').map(Number));
  const [runId = '', seq] = ring.split(':');
  const numbers = [...pairs.flat(), Number(seq)];
  if (!numbers.every(Number.isSafeInteger)) return undefined;
  return { positions: Object.fromEntries(pairs), refused: { runId, seq: Number(seq) } };
}
