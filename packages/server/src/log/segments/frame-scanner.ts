import type { Position } from '../log.ts';
import type { DiskFile } from './disk.ts';
import { decodeFrame, type Frame } from './frame.ts';

const CHUNK_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

export type ScannedFrame =
  /** Its bytes stay as they are until the next call. */
  { kind: 'frame'; frame: Frame } | { kind: 'end' } | { kind: 'bad'; reason: string };

/** Reads the frames of one segment file one after the other, a chunk of many at a time. */
export class FrameScanner {
  /** Of the next frame. */
  position: Position;
  /** Of the next frame, in the file. */
  offset: number;
  readonly #file: DiskFile;
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The part of the chunk from `offset` on. */
  #unread = NOTHING;
  /** Frames from this position on may have been read while they were being written. */
  #trustedTo: Position = 0;

  constructor(file: DiskFile, start: { position: Position; offset: number }) {
    this.#file = file;
    this.position = start.position;
    this.offset = start.offset;
  }

  /**
   * @param endBytes Where the segment ends, or Infinity for the end of the file.
   * @param durableEnd The frames before this position are complete in the file.
   */
  async next(endBytes: number, durableEnd: Position): Promise<ScannedFrame> {
    if (this.position >= this.#trustedTo) this.#unread = NOTHING;
    if (this.offset >= endBytes) return { kind: 'end' };
    for (;;) {
      const decoded = decodeFrame(this.#unread, this.position);
      if (decoded.kind === 'bad') return decoded;
      if (decoded.kind === 'frame') {
        const { frameBytes, eventCount } = decoded.frame;
        if (this.offset + frameBytes > endBytes) return { kind: 'bad', reason: 'the frame is cut off' };
        this.position += eventCount;
        this.offset += frameBytes;
        this.#unread = this.#unread.subarray(frameBytes);
        return decoded;
      }
      await this.#fill(decoded.neededBytes);
      this.#trustedTo = durableEnd;
      if (this.#unread.length === 0 && endBytes === Infinity) return { kind: 'end' };
      if (this.#unread.length < decoded.neededBytes) return { kind: 'bad', reason: 'the frame is cut off' };
    }
  }

  async #fill(neededBytes: number): Promise<void> {
    if (neededBytes > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(neededBytes);
    this.#unread = NOTHING;
    this.#unread = this.#chunk.subarray(0, await this.#file.read(this.#chunk, this.offset));
  }
}
