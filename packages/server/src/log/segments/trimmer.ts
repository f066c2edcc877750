import type { Position } from '../log.ts';
import type { Disk } from './disk.ts';
import { removeStart, writeStart } from './log-start.ts';
import { SegmentChain } from './segment-chain.ts';
import { listLog, segmentPath } from './segment-files.ts';

/**
 * Moves the start of the log and removes what is before. A crash anywhere leaves the old start, with all that is behind
 * it; or the new one, and perhaps files that are removed the next time.
 */
export class Trimmer {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #chain: SegmentChain;
  #start: Position;
  #isClean: boolean;

  constructor(disk: Disk, dir: string, start: Position) {
    this.#disk = disk;
    this.#dir = dir;
    this.#chain = new SegmentChain(disk, dir);
    this.#start = start;
    this.#isClean = start === 0;
  }

  get start(): Position {
    return this.#start;
  }

  /** @param before What ends there or before it may go. */
  async trim(before: Position): Promise<void> {
    await this.#chain.refresh();
    const last = this.#chain.sealed.findLast(({ endPosition }) => endPosition <= before);
    // A try before this one may have failed when the files said it already.
    const start = Math.max(last?.endPosition ?? 0, this.#chain.start);
    if (start > this.#start) {
      await writeStart(this.#disk, this.#dir, start);
      this.#start = start;
      this.#isClean = false;
    }
    if (!this.#isClean) await this.#removeRest();
  }

  /** All files before the start, oldest first, and what said of the start before. */
  async #removeRest(): Promise<void> {
    await this.#chain.refresh();
    // Those that are before it by number are before it in the log, or void.
    const first = this.#chain.segmentAt(this.#start).sequence;
    const { sequences, formerStarts } = await listLog(this.#disk, this.#dir);
    for (const sequence of sequences) {
      if (sequence < first) await this.#disk.remove(segmentPath(this.#dir, sequence));
    }
    for (const start of formerStarts) await removeStart(this.#disk, this.#dir, start);
    this.#isClean = true;
  }
}
