import { BATCH_MAX_BYTES, BATCH_MAX_COUNT, LIBRARY_CODES, type LibraryCode } from '@millrace/spec';
import type { Backlog, Batch, Kept, Outcome } from '../backlog.ts';
import { ENVELOPE_BYTES } from '../body.ts';
import { analyticsError, type AnalyticsError } from '../errors.ts';
import type { Callback, OutgoingEvent } from '../outgoing.ts';
import type { Spool, SpoolStats } from './spool.ts';
import type { Places } from './store.ts';
import { joined, StoredPlaces } from './stored-places.ts';

/** Events that wait in memory as well, lest what can be sent at once is read back from the disk. */
const WINDOW_MAX_BYTES = 4 * 1024 * 1024;
/** Of a small spool only a part, since what is in memory cannot make room on the disk. */
const WINDOW_SHARE = 1 / 4;

/** An event that is in memory, and where the disk has it. */
interface ReadyEvent extends OutgoingEvent {
  seq: number;
  isTold: boolean;
  isFromDisk: boolean;
}

interface SpooledBacklogPorts {
  spool: Spool;
  /** Of the spool. */
  maxBytes: number;
  /** Of events that the disk failed to take. */
  maxBufferedEvents: number;
  maxBufferedBytes: number;
  /** So many events that were appended are not to be sent: the program took them out of its queue. */
  onWithdrawn: (count: number) => void;
  /** Events were damaged on the disk. */
  onLost: (batch: Batch, error: AnalyticsError) => void;
}

/**
 * A backlog on the disk. The place of an event in the order of flushing is its place in the spool. A
 * window of the oldest is in memory; what comes while that is full is read back when its turn comes.
 */
export class SpooledBacklog implements Backlog {
  #spool: Spool;
  #ports: SpooledBacklogPorts;
  #windowBytes: number;
  #ready: ReadyEvent[] = [];
  #readyBytes = 0;
  #stored = new StoredPlaces();
  /** Of the stored events, by place. */
  #callbacks = new Map<number, Callback>();
  /** All before it was flushed. */
  #flushedEnd = 0;
  #closed = false;

  constructor(ports: SpooledBacklogPorts) {
    this.#spool = ports.spool;
    this.#ports = ports;
    this.#windowBytes = Math.min(WINDOW_MAX_BYTES, ports.maxBytes * WINDOW_SHARE);
  }

  get count(): number {
    return this.#ready.length + this.#stored.count;
  }

  get bytes(): number {
    return this.#readyBytes;
  }

  get stats(): SpoolStats {
    return this.#spool.stats;
  }

  /** Why another event of so many bytes cannot be taken; undefined when it can. */
  fullCode(bytes: number): LibraryCode | undefined {
    if (this.#spool.isFullWith(bytes)) return 'SPOOL_FULL';
    const { maxBufferedEvents, maxBufferedBytes } = this.#ports;
    const isFull = (): boolean =>
      this.#spool.pendingCount >= maxBufferedEvents || this.#spool.pendingBytes + bytes > maxBufferedBytes;
    if (!isFull()) return undefined;
    this.#spool.write();
    return isFull() ? 'QUEUE_FULL' : undefined;
  }

  /** Keeps an event from the call on; it is to be flushed later. */
  append(event: OutgoingEvent): void {
    event.seq = this.#spool.append(event);
  }

  add(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      // A program may put events into its queue, take some out, change their order.
      const isInOrder = event.seq !== undefined && event.seq >= this.#flushedEnd;
      const seq = isInOrder ? event.seq! : this.#spool.append(event);
      this.#withdrawUpTo(seq);
      this.#flushedEnd = seq + 1;
      if (this.#stored.count === 0 && this.#readyBytes < this.#windowBytes) {
        this.#ready.push(Object.assign(event, { seq, isTold: false, isFromDisk: false }));
        this.#readyBytes += event.bytes;
      } else {
        if (event.callback) this.#callbacks.set(seq, event.callback);
        this.#stored.add({ from: seq, end: seq + 1 });
      }
    }
    this.#withdrawUpTo(this.#spool.nextSeq);
    this.#spool.sync();
  }

  /** The spool has taken over events of another client; all that was appended before is flushed. */
  addStored(places: Places): void {
    this.#stored.add(places);
    this.#flushedEnd = places.end;
  }

  /** May be empty, when all that was to be read is damaged. */
  cut(): Batch {
    if (this.#ready.length === 0) this.#load();
    const [first] = this.#ready;
    let count = 0;
    let bytes = 0;
    let bodyBytes = ENVELOPE_BYTES;
    for (const event of this.#ready) {
      const addedBytes = event.bytes + (count > 0 ? 1 : 0);
      const follows = event.seq === first!.seq + count && isLike(event, first!);
      const fits = bodyBytes + addedBytes <= BATCH_MAX_BYTES && count < BATCH_MAX_COUNT;
      if (count > 0 && !(follows && fits)) break;
      bodyBytes += addedBytes;
      bytes += event.bytes;
      count += 1;
    }
    this.#readyBytes -= bytes;
    const events = this.#ready.splice(0, count);
    const {
      seq: from,
      isTold,
      isFromDisk,
    } = first ?? { seq: this.#flushedEnd, isTold: false, isFromDisk: true };
    return { from, events, bytes, isTold, isFromDisk };
  }

  /**
   * A file at once: that is how room comes about on a disk. The oldest of which nothing is in memory. None
   * when it is memory that is full, as what is newest there is all that could go.
   */
  dropOldest(): Batch | undefined {
    // It may be one of this tick.
    this.#spool.write();
    const { first } = this.#stored;
    const places = first && this.#spool.fileFrom(first.from);
    const range = places && this.#stored.take(places);
    if (!range) return undefined;
    const { events } = this.#spool.read(places);
    this.#spool.dropFile(places);
    return this.#batchOf(places, events, range.isTold);
  }

  settled(batch: Batch, outcome: Outcome): Kept | undefined {
    if (outcome.isKept) {
      // What was in flight then is for another client as well.
      if (this.#closed) return { ranges: [], callbacks: [] };
      this.#putBack(batch.events as ReadyEvent[]);
      return this.#tellAll();
    }
    this.#keepRejected(batch, outcome);
    this.#spool.settle({ from: batch.from, end: batch.from + batch.events.length });
    return undefined;
  }

  /** Leaves the events of dead clients to others from now on. */
  stopAdopting(): void {
    this.#spool.stopAdopting();
  }

  /** What is left is for another client. */
  close(): void {
    this.#closed = true;
    this.#ready = [];
    this.#readyBytes = 0;
    this.#stored.clear();
    this.#callbacks.clear();
    this.#spool.close();
  }

  #withdrawUpTo(seq: number): void {
    const count = seq - this.#flushedEnd;
    if (count <= 0) return;
    this.#spool.settle({ from: this.#flushedEnd, end: seq });
    this.#flushedEnd = seq;
    this.#ports.onWithdrawn(count);
  }

  /** Reads the next events back: a megabyte at most, for the next one or two requests. */
  #load(): void {
    const range = this.#stored.first;
    if (!range) return;
    const { from, isTold } = range;
    const { places, events, error } = this.#spool.read(range);
    this.#stored.takeUpTo(places.end);
    const found = new Set(events.map(({ seq }) => seq));
    for (const { seq, json, bytes } of events) {
      this.#ready.push({
        seq,
        json,
        bytes,
        callback: this.#takeCallback(seq),
        isTold,
        isFromDisk: true,
      });
      this.#readyBytes += bytes;
    }
    const lost: Places[] = [];
    for (let seq = from; seq < places.end; seq += 1) {
      if (!found.has(seq)) lost.push({ from: seq, end: seq + 1 });
    }
    if (lost.length > 0) this.#lose(joined(lost), isTold, error);
  }

  #lose(ranges: readonly Places[], isTold: boolean, cause: unknown): void {
    const error = analyticsError(
      'SPOOL_DAMAGED',
      LIBRARY_CODES.SPOOL_DAMAGED,
      cause === undefined ? {} : { cause },
    );
    for (const places of ranges) {
      this.#spool.settle(places);
      this.#ports.onLost(this.#batchOf(places, [], isTold), error);
    }
  }

  /** Of all events there, those included that could not be read. */
  #batchOf(
    places: Places,
    found: readonly { seq: number; json: string; bytes: number }[],
    isTold: boolean,
  ): Batch {
    const known = new Map(found.map((event) => [event.seq, event]));
    const events: OutgoingEvent[] = [];
    for (let seq = places.from; seq < places.end; seq += 1) {
      const { json, bytes } = known.get(seq) ?? { json: 'null', bytes: 4 };
      events.push({ json, bytes, callback: this.#takeCallback(seq) });
    }
    const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
    return { from: places.from, events, bytes, isTold, isFromDisk: true };
  }

  #putBack(events: readonly ReadyEvent[]): void {
    const at = this.#ready.findIndex(({ seq }) => seq > events[0]!.seq);
    this.#ready.splice(at === -1 ? this.#ready.length : at, 0, ...events);
    for (const event of events) this.#readyBytes += event.bytes;
  }

  /** Nobody is to wait for these any longer: they stay, and may take long. */
  #tellAll(): Kept {
    const untold = this.#ready.filter(({ isTold }) => !isTold);
    const ranges: Places[] = untold.map(({ seq }) => ({ from: seq, end: seq + 1 }));
    const callbacks = [...untold.flatMap(({ callback }) => callback ?? []), ...this.#callbacks.values()];
    for (const event of untold) Object.assign(event, { isTold: true, callback: undefined });
    this.#callbacks.clear();
    return { ranges: joined([...ranges, ...this.#stored.tell()]), callbacks };
  }

  #keepRejected({ events }: Batch, { error, refused }: Outcome): void {
    if (!error) return;
    const codeOf = (index: number): string | undefined => (refused ? refused.get(index) : error)?.code;
    const codes = new Set(refused ? [...refused.values()].map(({ code }) => code) : [error.code]);
    for (const code of codes) {
      const ofCode = events.filter((_, index) => codeOf(index) === code);
      this.#spool.reject(
        ofCode.map(({ json }) => json),
        code,
      );
    }
  }

  #takeCallback(seq: number): Callback | undefined {
    const callback = this.#callbacks.get(seq);
    if (callback) this.#callbacks.delete(seq);
    return callback;
  }
}

/** Whether they may go in one batch. */
function isLike(one: ReadyEvent, other: ReadyEvent): boolean {
  return one.isTold === other.isTold && one.isFromDisk === other.isFromDisk;
}
