import path from 'node:path';
import { fileName, type SpoolDisk } from './disk.ts';
import { recordBytes, type RecordedEvent } from './record.ts';
import { countThatFits, Segment, SEGMENT_EXTENSION, type ScannedFile, type SpooledEvent } from './segment.ts';

/** Places from `from` to before `end` in the order of the client's events. */
export interface Places {
  from: number;
  end: number;
}

interface StorePorts {
  disk: SpoolDisk;
  nowMs: () => number;
  /** A file that has these is followed by a new one. */
  segmentBytes: number;
  /** Progress could not be written: after a crash more is sent twice than need be. */
  onTrouble: (error: unknown) => void;
}

/** A client's events on the disk, in files, from the call until they are settled. */
export class Store {
  #ports: StorePorts;
  /** In the order of places. */
  #segments: Segment[] = [];
  /** That of them that is being written. */
  #current: Segment | undefined;
  /** Appended, and not written yet. */
  #pending: SpooledEvent[] = [];
  #pendingBytes = 0;
  #fileBytes = 0;
  #nextSeq = 0;
  /** All before it is settled. */
  #settledEnd = 0;
  /** What is settled beyond, as ends by starts. */
  #settledAhead = new Map<number, number>();
  /** The disk failed as it was noted what is settled. */
  #progressIsBehind = false;
  #lastCreatedMs = 0;
  #unsynced = new Set<string>();

  constructor(ports: StorePorts) {
    this.#ports = ports;
  }

  /** The place of the next event. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** On the disk or about to be, settled events included as long as their file is there. */
  get bytes(): number {
    return this.#fileBytes + this.#pendingBytes;
  }

  get unsettledCount(): number {
    let count = this.#nextSeq - this.#settledEnd;
    for (const [from, end] of this.#settledAhead) count -= end - from;
    return count;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @returns its place. */
  append({ json, bytes }: RecordedEvent): number {
    const event = { seq: this.#nextSeq, json, bytes };
    this.#nextSeq += 1;
    this.#pending.push(event);
    this.#pendingBytes += recordBytes(event);
    return event.seq;
  }

  /**
   * Writes what was appended since. @throws what the disk throws; what was not written stays to be
   * written another time.
   */
  write(folder: string, ownerId: string): void {
    let written = 0;
    try {
      if (this.#progressIsBehind) this.#noteProgress();
      while (written < this.#pending.length) {
        const segment = this.#writable(folder, ownerId, this.#pending[written]!);
        const count = countThatFits(this.#pending, written, segment.bytes, this.#ports.segmentBytes);
        const before = segment.bytes;
        segment.append(this.#pending.slice(written, written + count));
        this.#fileBytes += segment.bytes - before;
        this.#unsynced.add(segment.file);
        written += count;
      }
    } finally {
      this.#forgetPending(written);
    }
  }

  /**
   * The next events from the place `from` on and before `end`: those of one file, or those that are
   * not written yet. Events of `places` that are missing are lost to this process: they are damaged or,
   * with an `error`, cannot be read now. That file stays on the disk for another process to try.
   */
  read({ from, end }: Places): { places: Places; events: SpooledEvent[]; error?: unknown } {
    const segment = this.#segments.find(({ endSeq }) => endSeq > from);
    const before = Math.min(end, segment?.firstSeq ?? end);
    const events = this.#pending.filter(({ seq }) => seq >= from && seq < before);
    if (events.length > 0) return { places: { from: events[0]!.seq, end: before }, events };
    if (!segment || segment.firstSeq >= end) return { places: { from: end, end }, events };
    const places = { from: Math.max(from, segment.firstSeq), end: Math.min(end, segment.endSeq) };
    try {
      return { places, events: segment.read(places.from, places.end) };
    } catch (error) {
      segment.leaveOnDisk();
      return { places, events: [], error };
    }
  }

  /** These need not be kept: they were delivered, refused for good, or dropped. */
  settle({ from, end }: Places): void {
    if (from === end) return;
    this.#settledAhead.set(from, end);
    for (;;) {
      const next = this.#settledAhead.get(this.#settledEnd);
      if (next === undefined) break;
      this.#settledAhead.delete(this.#settledEnd);
      this.#settledEnd = next;
    }
    try {
      this.#progressIsBehind = true;
      this.#noteProgress();
    } catch (error) {
      this.#ports.onTrouble(error);
    }
  }

  /** Places of the oldest file that has nothing before the place `from`. */
  fileFrom(from: number): Places | undefined {
    const segment = this.#segments.find(({ firstSeq, endSeq }) => firstSeq >= from && endSeq > firstSeq);
    return segment && { from: segment.firstSeq, end: segment.endSeq };
  }

  /** Removes the file with just these places, to make room. */
  dropFile(places: Places): void {
    const at = this.#segments.findIndex(({ firstSeq }) => firstSeq === places.from);
    for (const segment of this.#segments.splice(at, 1)) this.#remove(segment);
    this.settle(places);
  }

  /** Takes over files of other clients, behind all that was appended. */
  adopt(files: readonly ScannedFile[]): Places {
    const from = this.#nextSeq;
    this.#current?.seal();
    for (const file of files) {
      const segment = Segment.adopted(this.#ports.disk, file, this.#nextSeq);
      this.#segments.push(segment);
      this.#fileBytes += segment.bytes;
      this.#nextSeq = segment.endSeq;
    }
    return { from, end: this.#nextSeq };
  }

  /** Files that were written to since this was last asked. */
  takeUnsynced(): string[] {
    const files = [...this.#unsynced];
    this.#unsynced.clear();
    return files;
  }

  /** Nothing is written any more; files without an unsettled event are removed. */
  close(): void {
    for (const segment of this.#segments) segment.seal();
    if (this.unsettledCount > 0) return;
    for (const segment of this.#segments.splice(0)) this.#remove(segment);
  }

  #writable(folder: string, ownerId: string, next: SpooledEvent): Segment {
    const current = this.#current;
    const fits = current && current.bytes + recordBytes(next) <= this.#ports.segmentBytes;
    // Places in a file are consecutive; they are not where events were settled before they could be written.
    if (current && fits && !current.isSealed && current.endSeq === next.seq) return current;
    current?.seal();
    this.#lastCreatedMs = Math.max(this.#lastCreatedMs + 1, this.#ports.nowMs());
    const file = path.join(folder, fileName(this.#lastCreatedMs, ownerId, SEGMENT_EXTENSION));
    const segment = Segment.create(this.#ports.disk, file, next.seq);
    this.#current = segment;
    const later = this.#segments.findIndex(({ firstSeq }) => firstSeq > next.seq);
    this.#segments.splice(later === -1 ? this.#segments.length : later, 0, segment);
    this.#fileBytes += segment.bytes;
    this.#removeSettled();
    return segment;
  }

  #noteProgress(): void {
    const settledPending = this.#pending.findIndex(({ seq }) => seq >= this.#settledEnd);
    this.#forgetPending(settledPending === -1 ? this.#pending.length : settledPending);
    this.#removeSettled();
    const oldest = this.#segments[0];
    if (oldest && oldest.firstSeq < this.#settledEnd) {
      oldest.settleUpTo(Math.min(this.#settledEnd, oldest.endSeq));
    }
    this.#progressIsBehind = false;
  }

  /** Removes the files of which all is settled, but for one that is still being written. */
  #removeSettled(): void {
    while (this.#segments[0]?.isSealed && this.#segments[0].endSeq <= this.#settledEnd) {
      this.#remove(this.#segments.shift()!);
    }
  }

  #remove(segment: Segment): void {
    this.#fileBytes -= segment.bytes;
    this.#unsynced.delete(segment.file);
    try {
      segment.remove();
    } catch (error) {
      this.#ports.onTrouble(error);
    }
  }

  #forgetPending(count: number): void {
    if (count === 0) return;
    for (const event of this.#pending.splice(0, count)) this.#pendingBytes -= recordBytes(event);
  }
}
