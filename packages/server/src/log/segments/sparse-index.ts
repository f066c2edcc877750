import type { Position } from '../log.ts';

/** Frames nearer than this to the one before are not kept: a read elsewhere scans as much at most. */
const STEP_BYTES = 1024 * 1024;

interface FrameStart {
  position: Position;
  offset: number;
}

/** Where some of the frames start that a reader came across, for each segment by sequence. */
export class SparseIndex {
  readonly #starts = new Map<number, FrameStart[]>();

  note(sequence: number, position: Position, offset: number): void {
    const starts = this.#starts.get(sequence) ?? [];
    const last = starts.at(-1);
    if (last && offset < last.offset + STEP_BYTES) return;
    starts.push({ position, offset });
    this.#starts.set(sequence, starts);
  }

  /** Lets go of the segments before that one. */
  forgetBefore(sequence: number): void {
    for (const known of this.#starts.keys()) if (known < sequence) this.#starts.delete(known);
  }

  /** The last known start at or before the position. */
  nearest(sequence: number, position: Position): FrameStart | undefined {
    return this.#starts.get(sequence)?.findLast((start) => start.position <= position);
  }
}
