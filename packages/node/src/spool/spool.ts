import path from 'node:path';
import { LIBRARY_CODES, type LibraryCode } from '@millrace/spec';
import { soon, type Clock, type Timer } from '../clock.ts';
import { analyticsError, type AnalyticsError } from '../errors.ts';
import { Adopter } from './adopter.ts';
import type { SpoolDisk } from './disk.ts';
import { acquireLease, type Lease, type Owner } from './lease.ts';
import type { ResolvedSpool } from './spool-options.ts';
import { forgetWriter, writeAtExit } from './process-exit.ts';
import type { RecordedEvent } from './record.ts';
import { RejectedEvents } from './rejected.ts';
import type { ScannedFile } from './segment.ts';
import { Store, type Places } from './store.ts';
import { Sync } from './sync.ts';

/** A file is read back as a whole, so it also bounds what that takes in memory. */
const SEGMENT_MAX_BYTES = 1024 * 1024;
/** So that even a small spool gives room back in small parts. */
const SEGMENTS_AT_LEAST = 8;
const REJECTED_MAX_BYTES = 64 * 1024 * 1024;
/** A tick may track more than memory should hold. */
const WRITE_AT_BYTES = 1024 * 1024;
const RETRY_DISK_MS = 1_000;
/** A process may die at any time, and may not be started again. */
const ADOPT_EVERY_MS = 60_000;
const REPORT_AGAIN_MS = 60_000;
const REJECTED_FOLDER = 'rejected';

export interface SpoolPorts {
  disk: SpoolDisk;
  clock: Clock;
  owner: Owner;
  /** The disk fails, or a file was damaged. */
  onError: (error: AnalyticsError) => void;
  /** Called right before events of dead clients are put behind the client's own: they must all be flushed. */
  beforeAdoption: () => void;
  /** Events of dead clients are there to be sent. */
  onAdopted: (places: Places) => void;
}

/** What a client may ask about its spool. */
export interface SpoolStats {
  /** Events on the disk that were neither delivered nor given up. */
  eventCount: number;
  /** Of the files, and of what is about to be written. */
  bytes: number;
  /** Events that dead clients left, and that this one took over. */
  adoptedCount: number;
  /** Events that were moved to `rejected/`. */
  rejectedCount: number;
  /** Whether the disk takes events; if not they are in memory only. */
  isAvailable: boolean;
}

/** The disk buffer of one client. Nothing in it throws: what the disk does is reported, and memory serves meanwhile. */
export class Spool {
  #options: ResolvedSpool;
  #ports: SpoolPorts;
  #store: Store;
  #rejected: RejectedEvents;
  #adopter: Adopter;
  #sync: Sync | undefined;
  #lease: Lease | undefined;
  #willWrite = false;
  /** The disk failed, and is tried again by a timer. */
  #isFailing = false;
  #adoptedCount = 0;
  #rejectedCount = 0;
  #closed = false;
  #lastReport = { message: '', untilMs: 0 };
  #timers = new Set<Timer>();

  constructor(options: ResolvedSpool, ports: SpoolPorts) {
    const { disk, clock, owner } = ports;
    const rejectedFolder = path.join(options.dir, REJECTED_FOLDER);
    this.#options = options;
    this.#ports = ports;
    this.#store = new Store({
      disk,
      nowMs: clock.nowMs,
      segmentBytes: Math.min(SEGMENT_MAX_BYTES, Math.floor(options.maxBytes / SEGMENTS_AT_LEAST)),
      onTrouble: (error) => this.#report('SPOOL_UNAVAILABLE', error),
    });
    this.#rejected = new RejectedEvents({
      disk,
      nowMs: clock.nowMs,
      folder: rejectedFolder,
      maxBytes: Math.min(REJECTED_MAX_BYTES, options.maxBytes),
    });
    this.#adopter = new Adopter({
      dir: options.dir,
      rejectedFolder,
      owner,
      hasRoom: () => !this.isFullWith(options.maxBytes / 2),
      onFiles: (files) => this.#takeOver(files),
      report: (...what) => this.#report(...what),
    });
    if (options.fsync === 'batch') {
      this.#sync = new Sync((error) => this.#report('SPOOL_UNAVAILABLE', error));
    }
    writeAtExit(this);
    this.#write();
    void this.#adopt();
  }

  get stats(): SpoolStats {
    return {
      eventCount: this.#store.unsettledCount,
      bytes: this.#store.bytes,
      adoptedCount: this.#adoptedCount,
      rejectedCount: this.#rejectedCount,
      isAvailable: !this.#isFailing,
    };
  }

  get nextSeq(): number {
    return this.#store.nextSeq;
  }

  /** Events that only memory has, because the disk failed or has not been asked yet. */
  get pendingCount(): number {
    return this.#store.pendingCount;
  }

  get pendingBytes(): number {
    return this.#store.pendingBytes;
  }

  /** Whether another event of so many bytes would be more than the disk may hold. */
  isFullWith(bytes: number): boolean {
    return this.#store.bytes + bytes > this.#options.maxBytes;
  }

  /** @returns the event's place. It is on the disk once the running tick is over. */
  append(event: RecordedEvent): number {
    const seq = this.#store.append(event);
    if (this.#store.pendingBytes >= WRITE_AT_BYTES) {
      this.#writeUnlessFailing();
    } else if (!this.#willWrite) {
      this.#willWrite = true;
      void this.#writeSoon();
    }
    return seq;
  }

  /** See {@link Store.read}; what is missing is reported. */
  read(places: Places): ReturnType<Store['read']> {
    const read = this.#store.read(places);
    const lostCount = read.places.end - places.from - read.events.length;
    if (lostCount > 0) this.#report('SPOOL_DAMAGED', read.error, `${lostCount} events`);
    return read;
  }

  settle(places: Places): void {
    // The files may be somebody else's by now.
    if (!this.#closed) this.#store.settle(places);
  }

  /** Places of the oldest file that has nothing before the place `from`. */
  fileFrom(from: number): Places | undefined {
    return this.#store.fileFrom(from);
  }

  /** Removes that file, to make room. */
  dropFile(places: Places): void {
    this.#store.dropFile(places);
  }

  /** Writes what was appended, without waiting for the end of the tick. */
  write(): void {
    this.#writeUnlessFailing();
  }

  /** Keeps what the server refused for good, for people to read. */
  reject(events: readonly string[], code: string): void {
    try {
      this.#rejected.add(events, code, this.#lease?.id ?? '00000000');
      this.#rejectedCount += events.length;
    } catch (error) {
      this.#report('SPOOL_UNAVAILABLE', error);
    }
  }

  /** With `fsync: 'batch'` what is written by the end of this tick is synced, on another thread. */
  sync(): void {
    const sync = this.#sync;
    if (sync) void Promise.resolve().then(() => sync.request(this.#store.takeUnsynced()));
  }

  /** What dead clients left is for others from now on, also what is in this one's folder and not sent yet. */
  stopAdopting(): void {
    this.#adopter.stop();
  }

  /** From now on others may take what is left. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#adopter.stop();
    for (const timer of this.#timers) timer.cancel();
    forgetWriter(this);
    this.writeAtExit();
  }

  writeAtExit(): void {
    try {
      this.#writeNow();
      this.#store.close();
      this.#lease?.release();
    } catch {
      // There is nobody left to tell.
    }
  }

  /** Not by queueMicrotask, which a test's fake timers may hold back. */
  async #writeSoon(): Promise<void> {
    await Promise.resolve();
    this.#willWrite = false;
    this.#writeUnlessFailing();
  }

  #writeUnlessFailing(): void {
    if (!this.#isFailing) this.#write();
  }

  #write(): void {
    try {
      this.#writeNow();
      this.#isFailing = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  #writeNow(): void {
    const { disk, owner } = this.#ports;
    this.#lease ??= acquireLease(disk, this.#options.dir, owner);
    this.#store.write(this.#lease.folder, this.#lease.id);
  }

  /** Tries again by itself: there may be no later event to do so, and with many it must not be asked for each. */
  #fail(error: unknown): void {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#forgetLease();
    if (!this.#closed) this.#after(RETRY_DISK_MS, () => this.#write());
    if (!this.#isFailing) this.#report('SPOOL_UNAVAILABLE', error);
    this.#isFailing = true;
  }

  /** Somebody removed the folder. */
  #forgetLease(): void {
    try {
      this.#lease?.release();
    } catch {
      // As was to be expected.
    }
    this.#lease = undefined;
  }

  async #adopt(): Promise<void> {
    if (this.#lease) await this.#adopter.adopt(this.#lease);
    if (!this.#adopter.isStopped) this.#after(ADOPT_EVERY_MS, () => void this.#adopt());
  }

  #takeOver(files: readonly ScannedFile[]): void {
    this.#ports.beforeAdoption();
    const places = this.#store.adopt(files);
    this.#adoptedCount += places.end - places.from;
    this.#ports.onAdopted(places);
  }

  #after(delayMs: number, done: () => void): void {
    const timer = this.#ports.clock.start(delayMs, () => {
      this.#timers.delete(timer);
      done();
    });
    timer.unref();
    this.#timers.add(timer);
  }

  /** Later, since the program of a client that is being made cannot listen yet; and not again for each event. */
  #report(code: LibraryCode, cause: unknown, what?: string): void {
    const why = what ?? (cause instanceof Error ? cause.message : undefined);
    const message = why === undefined ? LIBRARY_CODES[code] : `${LIBRARY_CODES[code]} (${why})`;
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#lastReport.message === message && nowMs < this.#lastReport.untilMs) return;
    this.#lastReport = { message, untilMs: nowMs + REPORT_AGAIN_MS };
    soon(() => this.#ports.onError(analyticsError(code, message, cause === undefined ? {} : { cause })));
  }
}
