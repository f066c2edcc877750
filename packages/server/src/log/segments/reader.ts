import { LogReadError, type DurableEnds, type LogReader, type LogRecord } from '../log.ts';
import type { LogRange, LogStarts, Partition, Position, ReadLimit } from '../log.ts';
import { realDisk, type Disk, type DiskFile } from './disk.ts';
import { FrameCursor } from './frame-cursor.ts';
import { FrameScanner } from './frame-scanner.ts';
import { findFrame } from './frame-search.ts';
import { SegmentChain, trimmed, type Segment } from './segment-chain.ts';
import { segmentName, segmentPath } from './segment-files.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import { SparseIndex } from './sparse-index.ts';

export interface SegmentReaderOptions {
  /** The folder of the segment files. */
  dir: string;
  disk?: Disk;
  /** As of `setDurableEnds`; default none, so nothing is read before that is called. */
  durableEnds?: DurableEnds;
}

/**
 * Reads the embedded log, in any process. It remembers where it is, so going on from there is
 * cheap, and a position elsewhere costs the reading of at most one segment up to it. So each one who
 * reads at a pace of its own has a reader of its own. Calls of `read` are answered one by one.
 */
export function openSegmentReader(options: SegmentReaderOptions): LogReader {
  return new SegmentReader(options);
}

/** Where the last read ended. */
interface Place {
  sequence: number;
  file: DiskFile;
  scanner: FrameScanner;
  frame: FrameCursor;
}

class SegmentReader implements LogReader {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #chain: SegmentChain;
  readonly #index = new SparseIndex();
  #durableEnds: DurableEnds;
  /** As it was told. */
  #start: Position = 0;
  /** The durable end for which the chain was last looked up. */
  #chainEnd: Position | undefined = 0;
  #place: Place | undefined;
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor({ dir, disk = realDisk, durableEnds = {} }: SegmentReaderOptions) {
    this.#disk = disk;
    this.#dir = dir;
    this.#chain = new SegmentChain(disk, dir);
    this.#durableEnds = durableEnds;
  }

  setDurableEnds(ends: DurableEnds): void {
    this.#durableEnds = ends;
  }

  setStarts(starts: LogStarts): void {
    const start = starts[0] ?? 0;
    if (start <= this.#start) return;
    this.#start = start;
    this.#chainEnd = undefined;
    // A file that is held open keeps its space, though its name is gone.
    this.#lastRead = this.#lastRead.then(() =>
      this.#place && this.#place.scanner.position <= start ? this.#leave() : undefined,
    );
  }

  read(partition: Partition, from: Position, limit: ReadLimit): Promise<LogRecord[]> {
    const records = this.#lastRead.then(() => this.#read(partition, from, limit));
    this.#lastRead = records.catch(() => {});
    return records;
  }

  ranges(partition: Partition): Promise<LogRange[]> {
    const ranges = this.#lastRead.then(() => this.#ranges(partition));
    this.#lastRead = ranges.catch(() => {});
    return ranges;
  }

  async close(): Promise<void> {
    await this.#lastRead;
    await this.#leave();
  }

  async #read(partition: Partition, from: Position, limit: ReadLimit): Promise<LogRecord[]> {
    const end = this.#endOf(partition);
    if (from > end)
      throw new LogReadError('beyond_end', `position ${from} is beyond the durable end, ${end}`);
    if (partition === 0 && from < this.#start) throw trimmed(from, this.#start);
    const records: LogRecord[] = [];
    let leftBytes = limit.maxBytes;
    try {
      const to = Math.min(end, from + limit.maxCount);
      for (let position = from; position < to;) {
        const frame = await this.#frameAt(position, end);
        for (const frameTo = Math.min(to, frame.endPosition); position < frameTo; position++) {
          leftBytes -= frame.jsonBytes();
          if (leftBytes < 0 && records.length > 0) return records;
          records.push(frame.take());
        }
      }
      return records;
    } catch (error) {
      await this.#leave();
      if (error instanceof LogReadError) throw error;
      throw new LogReadError('io', 'the log cannot be read', { cause: error });
    }
  }

  async #ranges(partition: Partition): Promise<LogRange[]> {
    const end = this.#endOf(partition);
    try {
      await this.#lookUpChain(end);
      const seen = this.#chain.segments.filter(({ basePosition }) => basePosition < end);
      return await Promise.all(
        seen.map(async (segment, i) => ({
          partition,
          from: segment.basePosition,
          to: seen[i + 1]?.basePosition,
          createdAtMs: segment.createdAtMs,
          bytes: await this.#fileBytes(segment),
        })),
      );
    } catch (error) {
      if (error instanceof LogReadError) throw error;
      throw new LogReadError('io', 'the log cannot be read', { cause: error });
    }
  }

  #endOf(partition: Partition): Position {
    return (partition === 0 ? this.#durableEnds[0] : undefined) ?? 0;
  }

  async #lookUpChain(end: Position): Promise<void> {
    // The file in which an event is was there before its position was durable. So a look that is as
    // new as the durable end knows every end of a segment that is needed, and that what a failed
    // commit left behind one is void.
    if (end === this.#chainEnd) return;
    await this.#chain.refresh();
    this.#chainEnd = end;
    const first = this.#chain.segments[0]?.sequence ?? 0;
    if (this.#place && this.#place.sequence < first) await this.#leave();
    this.#index.forgetBefore(first);
  }

  async #fileBytes({ sequence, endBytes }: Segment): Promise<number> {
    if (endBytes !== Infinity) return endBytes;
    const file = await this.#disk.open(segmentPath(this.#dir, sequence), 'read');
    try {
      return await file.sizeBytes();
    } finally {
      await file.close();
    }
  }

  /** The frame with that durable position, ready to take it. */
  async #frameAt(position: Position, end: Position): Promise<FrameCursor> {
    await this.#lookUpChain(end);
    let place = this.#place;
    const isHere = place && place.frame.position <= position && position <= place.scanner.position;
    if (!place || !isHere) place = await this.#goTo(this.#chain.segmentAt(position), position);
    while (place.frame.endPosition <= position) place = await this.#advance(place, end, position);
    place.frame.skipTo(position);
    return place.frame;
  }

  async #advance(place: Place, end: Position, wanted: Position): Promise<Place> {
    const { sequence, scanner } = place;
    const { offset, position } = scanner;
    const segments = this.#chain.segments;
    const segment = segments.findIndex((candidate) => candidate.sequence === sequence);
    const scanned = await scanner.next(segments[segment]?.endBytes ?? 0, end);
    if (scanned.kind === 'frame') {
      this.#index.note(sequence, position, offset);
      place.frame = new FrameCursor(scanned.frame);
      return place;
    }
    if (scanned.kind === 'bad') {
      const endBytes = segments[segment]?.endBytes ?? 0;
      const sound = await findFrame(place.file, offset + 1, endBytes, position);
      // What is wanted may be behind the damage.
      if (!sound || sound.position > wanted) throw damaged(sequence, offset, scanned.reason);
      place.scanner = new FrameScanner(place.file, sound);
      place.frame = FrameCursor.before(sound.position);
      return place;
    }
    const next = segments[segment + 1];
    if (next?.basePosition !== position) throw damaged(sequence, offset, `position ${position} is missing`);
    return this.#goTo(next, position);
  }

  async #goTo(segment: Segment, position: Position): Promise<Place> {
    await this.#leave();
    const { sequence, basePosition } = segment;
    const start = this.#index.nearest(sequence, position) ?? {
      position: basePosition,
      offset: SEGMENT_HEADER_BYTES,
    };
    const file = await this.#openOrExplain(segment, position);
    const scanner = new FrameScanner(file, start);
    this.#place = { sequence, file, scanner, frame: FrameCursor.before(start.position) };
    return this.#place;
  }

  /** @throws {LogReadError} It was there when the chain was looked up, and was trimmed since. */
  async #openOrExplain({ sequence }: Segment, position: Position): Promise<DiskFile> {
    try {
      return await this.#disk.open(segmentPath(this.#dir, sequence), 'read');
    } catch (error) {
      this.#chainEnd = undefined;
      await this.#chain.refresh();
      this.#chain.segmentAt(position);
      throw error;
    }
  }

  async #leave(): Promise<void> {
    const file = this.#place?.file;
    this.#place = undefined;
    // It was only read: there is nothing that closing could lose.
    await file?.close().catch(() => {});
  }
}

function damaged(sequence: number, offset: number, reason: string): LogReadError {
  return new LogReadError(
    'damaged',
    `segment ${segmentName(sequence)} is damaged at byte ${offset}: ${reason}`,
  );
}
