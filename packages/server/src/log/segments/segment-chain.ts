import { LogReadError, type Position } from '../log.ts';
import type { Disk } from './disk.ts';
import { listLog, readSegmentFile, segmentName, type SegmentFileState } from './segment-files.ts';
import type { SegmentEnd } from './segment-header.ts';

/** One segment as readers may see it. */
export interface Segment {
  sequence: number;
  basePosition: Position;
  createdAtMs: number;
  /** Where its events end, as its successor says; Infinity while it has none. */
  endBytes: number;
}

/** A segment behind which there is another one: it is written no more. */
export interface SealedSegment extends Segment {
  /** After its last event. */
  endPosition: Position;
  /** When the one behind it was made, so after its last event. */
  sealedAtMs: number;
}

/**
 * The segments that hold the log, oldest first: from the newest back, each one names its
 * predecessor and that one's end.
 */
export class SegmentChain {
  segments: Segment[] = [];
  /** Where the log starts. What it had before was given up. */
  start: Position = 0;
  /** The name of what should be before the first of them and is missing or damaged, if anything. */
  brokenAt: string | undefined;
  readonly #disk: Disk;
  readonly #dir: string;
  #states = new Map<number, SegmentFileState>();

  constructor(disk: Disk, dir: string) {
    this.#disk = disk;
    this.#dir = dir;
  }

  async refresh(): Promise<void> {
    await this.#look();
    // A listing that goes on while the log is trimmed may miss the new start and what was removed after it.
    if (this.brokenAt) await this.#look();
  }

  async #look(): Promise<void> {
    await this.#readNewFiles();
    const newest = [...this.#states.keys()].findLast(
      (sequence) => this.#states.get(sequence)?.kind !== 'void',
    );
    let link: SegmentEnd | undefined =
      newest === undefined ? undefined : { sequence: newest, syncedBytes: Infinity };
    const segments: Segment[] = [];
    while (link) {
      const state = this.#states.get(link.sequence);
      if (state?.kind !== 'segment') break;
      const { basePosition, createdAtMs, previous } = state.header;
      segments.push({ sequence: link.sequence, basePosition, createdAtMs, endBytes: link.syncedBytes });
      link = basePosition > this.start ? previous : undefined;
    }
    this.segments = segments.toReversed();
    this.brokenAt = link && segmentName(link.sequence);
  }

  /** All but the last one, oldest first. */
  get sealed(): SealedSegment[] {
    return this.segments.slice(0, -1).map((segment, i) => {
      const next = this.segments[i + 1]!;
      return { ...segment, endPosition: next.basePosition, sealedAtMs: next.createdAtMs };
    });
  }

  async #readNewFiles(): Promise<void> {
    const known = this.#states;
    const states = new Map<number, SegmentFileState>();
    const { sequences, start } = await listLog(this.#disk, this.#dir);
    this.start = start;
    for (const sequence of sequences) {
      const before = known.get(sequence);
      const state = before?.kind === 'segment' ? before : await this.#readFile(sequence);
      states.set(sequence, state);
    }
    this.#states = states;
  }

  async #readFile(sequence: number): Promise<SegmentFileState> {
    try {
      return await readSegmentFile(this.#disk, this.#dir, sequence);
    } catch (error) {
      // The writer has removed it since: its making had failed.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'void' };
      throw error;
    }
  }

  /** @throws {LogReadError} The position is before the first event that is there. */
  segmentAt(position: Position): Segment {
    if (position < this.start) throw trimmed(position, this.start);
    const segment = this.segments.findLast(({ basePosition }) => basePosition <= position);
    if (segment) return segment;
    const cause = this.brokenAt
      ? `segment ${this.brokenAt} is missing or damaged`
      : 'there is no segment for it';
    throw new LogReadError('damaged', `position ${position} cannot be read: ${cause}`);
  }
}

export function trimmed(position: Position, start: Position): LogReadError {
  return new LogReadError('trimmed', `position ${position} was given up: the log starts at ${start}`);
}
