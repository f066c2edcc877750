import { FILE_MODE, writeAll, type SpoolDisk } from './disk.ts';
import {
  encodeFileHeader,
  encodeRecords,
  encodeSettled,
  FILE_HEADER_BYTES,
  recordBytes,
  scanRecords,
  SETTLED_AT,
  type RecordedEvent,
} from './record.ts';

/** An event with its place in the order of the client's events. */
export interface SpooledEvent extends RecordedEvent {
  seq: number;
}

/** One file of the spool: events with consecutive places. */
export class Segment {
  readonly file: string;
  /** Place of the first event that is not settled when the file is opened. */
  readonly firstSeq: number;
  #disk: SpoolDisk;
  /** Place that a record with the index 0 has. */
  #zeroSeq: number;
  #endSeq: number;
  #bytes: number;
  /** While the file is being written. */
  #fd: number | undefined;
  #staysOnDisk = false;

  private constructor(
    disk: SpoolDisk,
    file: string,
    place: { firstSeq: number; zeroSeq: number; endSeq: number; bytes: number; fd: number | undefined },
  ) {
    this.#disk = disk;
    this.file = file;
    this.firstSeq = place.firstSeq;
    this.#zeroSeq = place.zeroSeq;
    this.#endSeq = place.endSeq;
    this.#bytes = place.bytes;
    this.#fd = place.fd;
  }

  /** A new one, to be written. @throws what the disk throws. */
  static create(disk: SpoolDisk, file: string, firstSeq: number): Segment {
    const fd = disk.openSync(file, 'wx', FILE_MODE);
    try {
      writeAll(disk, fd, encodeFileHeader(), 0);
    } catch (error) {
      disk.closeSync(fd);
      disk.rmSync(file, { force: true });
      throw error;
    }
    return new Segment(disk, file, {
      firstSeq,
      zeroSeq: firstSeq,
      endSeq: firstSeq,
      bytes: FILE_HEADER_BYTES,
      fd,
    });
  }

  /** One that another client left, with the events from index `settledCount` to `endIndex`. */
  static adopted(disk: SpoolDisk, scan: ScannedFile, firstSeq: number): Segment {
    const zeroSeq = firstSeq - scan.settledCount;
    return new Segment(disk, scan.file, {
      firstSeq,
      zeroSeq,
      endSeq: zeroSeq + scan.endIndex,
      bytes: scan.bytes,
      fd: undefined,
    });
  }

  /** After the last event. */
  get endSeq(): number {
    return this.#endSeq;
  }

  /** Of the whole file. */
  get bytes(): number {
    return this.#bytes;
  }

  get isSealed(): boolean {
    return this.#fd === undefined;
  }

  /**
   * Appends events, the first with the place `endSeq`.
   * @throws what the disk throws; the events may then be appended again, here or elsewhere.
   */
  append(events: readonly SpooledEvent[]): void {
    if (this.#fd === undefined) throw new Error(`${this.file} is sealed`);
    const records = encodeRecords(events, this.#endSeq - this.#zeroSeq);
    // At the place that we know, not at the end: a failed write may have left a part there.
    writeAll(this.#disk, this.#fd, records, this.#bytes);
    this.#bytes += records.length;
    this.#endSeq += events.length;
  }

  /**
   * Events with places from `from` to before `end`; the damaged ones are missing.
   * @throws what the disk throws.
   */
  read(from: number, end: number): SpooledEvent[] {
    const bytes = this.#disk.readFileSync(this.file);
    const events: SpooledEvent[] = [];
    scanRecords(bytes, ({ index, jsonStart, end: jsonEnd }) => {
      const seq = this.#zeroSeq + index;
      if (seq < from || seq >= end) return;
      events.push({ seq, json: bytes.toString('utf8', jsonStart, jsonEnd), bytes: jsonEnd - jsonStart });
    });
    return events;
  }

  /** Whoever reads the file after us begins at the place `seq`. @throws what the disk throws. */
  settleUpTo(seq: number): void {
    if (this.#staysOnDisk) return;
    const fd = this.#fd ?? this.#disk.openSync(this.file, 'r+');
    try {
      writeAll(this.#disk, fd, encodeSettled(seq - this.#zeroSeq), SETTLED_AT);
    } finally {
      if (fd !== this.#fd) this.#disk.closeSync(fd);
    }
  }

  /** Nothing is written to it any more. */
  seal(): void {
    if (this.#fd !== undefined) this.#disk.closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** It is not removed from the disk once it is settled: somebody else may be able to read it. */
  leaveOnDisk(): void {
    this.#staysOnDisk = true;
  }

  /** @throws what the disk throws. */
  remove(): void {
    this.seal();
    if (!this.#staysOnDisk) this.#disk.rmSync(this.file, { force: true });
  }
}

/** What an adopted file holds. */
export interface ScannedFile {
  file: string;
  bytes: number;
  /** Index of the first record that is to be sent. */
  settledCount: number;
  /** After the last sound record. */
  endIndex: number;
  /** Behind the last sound record: of an event that its process did not finish writing. */
  tornBytes: number;
  /** Its process died before it wrote an event to it. */
  isEmpty: boolean;
}

export const SEGMENT_EXTENSION = '.spool';

export function isSegmentFile(name: string): boolean {
  return /^\d{15}-[0-9a-f]{8}\.spool$/.test(name);
}

/**
 * How many events, with consecutive places, fit into a file that has `bytes` already; into a new one at least
 * one.
 */
export function countThatFits(
  events: readonly SpooledEvent[],
  from: number,
  bytes: number,
  mostBytes: number,
): number {
  let total = bytes;
  let end = from;
  while (end < events.length && events[end]!.seq - events[from]!.seq === end - from) {
    total += recordBytes(events[end]!);
    if (total > mostBytes && end > from) break;
    end += 1;
  }
  return end - from;
}
