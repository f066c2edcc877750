import type { Position } from '../log.ts';
import type { DiskFile } from './disk.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, decodeFrame } from './frame.ts';

/** Where to go on behind damage. */
export interface FoundFrame {
  offset: number;
  position: Position;
}

/** Positions further ahead than this are not believed: the events between them would have to be in the damage. */
const MAX_SKIPPED_EVENTS = 2 ** 32;

/**
 * The first sound frame from `offset` on that has a position from `from` on. Only one frame at a time is ever written
 * behind synced ones, so where there is one, what precedes it is no torn end. What a sender made up
 * cannot look like a frame: its position has bytes of zero, which no JSON text and no source id holds.
 * @param endBytes Where the segment ends, or Infinity for the end of the file.
 */
export async function findFrame(
  file: DiskFile,
  offset: number,
  endBytes: number,
  from: Position,
): Promise<FoundFrame | undefined> {
  const end = Math.min(endBytes, await file.sizeBytes());
  // Each window holds the whole of the frames that begin in its first half.
  for (let start = offset; start + FRAME_HEADER_BYTES < end; start += MAX_FRAME_BYTES) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(2 * MAX_FRAME_BYTES, end - start));
    const window = bytes.subarray(0, await file.read(bytes, start));
    const last = Math.min(MAX_FRAME_BYTES, window.length - FRAME_HEADER_BYTES);
    for (let at = 0; at < last; at++) {
      const position = positionAt(window, at);
      if (position < from || position - from > MAX_SKIPPED_EVENTS) continue;
      if (decodeFrame(window.subarray(at), position).kind === 'frame')
        return { offset: start + at, position };
    }
  }
  return undefined;
}

function positionAt(bytes: Buffer, at: number): Position {
  return bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32;
}
