import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock, type Clock } from '../../clock.ts';
import {
  LogWriteError,
  type AppendVerdict,
  type DurableEnds,
  type EventLog,
  type LogRange,
  type NewEvent,
  type Position,
} from '../log.ts';
import { realDisk, type Disk } from './disk.ts';
import { eventHash } from './event-hash.ts';
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  encodeEntries,
  encodeFrame,
  type HashedEvent,
} from './frame.ts';
import { recover, type Cut, type RecoveredLog } from './recovery.ts';
import { SeenEvents } from './seen-events.ts';
import type { SealedSegment } from './segment-chain.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface SegmentLogOptions {
  /** The folder of the segment files; made if missing. No one else may write there. */
  dir: string;
  disk?: Disk;
  clock?: Pick<Clock, 'nowMs'>;
  /** A segment is closed before the commit that would make it longer. Default 256 MB. */
  maxSegmentBytes?: number;
  /**
   * A segment is closed before the first commit that comes this long after it was made, by `clock`. Milliseconds,
   * default one hour.
   */
  maxSegmentAgeMs?: number;
  /** Told of the first commit that fails, and of the first that succeeds after it (no error). */
  onHealthChange?: (error?: LogWriteError) => void;
}

export interface SegmentLog extends EventLog {
  /** What recovery cut off when the log was opened, to be told to the operator. */
  readonly cut: Cut | undefined;
}

/**
 * Opens the embedded log: one partition, 0, with positions from 0 without gaps. Duplicates are
 * found within the active segment.
 * @throws {LogReadError} The last segment is damaged, or of an unknown format version.
 */
export async function openSegmentLog(options: SegmentLogOptions): Promise<SegmentLog> {
  const { dir, disk = realDisk, clock = systemClock } = options;
  const { maxSegmentBytes = 256 * 1024 * 1024, maxSegmentAgeMs = 3_600_000 } = options;
  const recovered = await recover(disk, dir);
  const writer = new SegmentWriter({ dir, disk, clock, maxSegmentBytes, maxSegmentAgeMs }, recovered);
  return new GroupCommitLog(writer, recovered, options.onHealthChange ?? (() => {}));
}

/** What may wait for the commits before it: some seconds of a slow disk. Beyond it nothing more is taken. */
const WAITING_MAX_BYTES = 64 * 1024 * 1024;

/** One call of `append` that waits for its commit. */
interface WaitingAppend {
  events: HashedEvent[];
  entries: Buffer;
  written: Deferred;
}

class GroupCommitLog implements SegmentLog {
  readonly cut: Cut | undefined;
  readonly #writer: SegmentWriter;
  readonly #seen: SeenEvents;
  readonly #listeners = new Set<(ends: DurableEnds) => void>();
  readonly #sealedListeners = new Set<(range: LogRange) => void>();
  #end: Position;
  #waiting: WaitingAppend[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  readonly #onHealthChange: (error?: LogWriteError) => void;
  #failing = false;

  constructor(
    writer: SegmentWriter,
    recovered: RecoveredLog,
    onHealthChange: (error?: LogWriteError) => void,
  ) {
    this.#writer = writer;
    this.#onHealthChange = onHealthChange;
    this.#seen = new SeenEvents(recovered.hashes);
    this.#end = recovered.endPosition;
    this.cut = recovered.cut;
  }

  get durableEnds(): DurableEnds {
    return { 0: this.#end };
  }

  /** @throws {RangeError} The events do not fit into one commit (8 MB). */
  async append(events: readonly NewEvent[]): Promise<AppendVerdict[]> {
    if (this.#closed) throw new LogWriteError('shutting_down', 'the log is closed');
    const written = deferred();
    const fresh: HashedEvent[] = [];
    const durable: Promise<void>[] = [];
    const verdicts = events.map((event): AppendVerdict => {
      const hash = eventHash(event.sourceId, event.messageId);
      const seen = this.#seen.find(hash);
      if (seen === undefined) {
        this.#seen.claim(hash, written.promise);
        fresh.push({ event, hash });
        return 'appended';
      }
      if (seen !== 'durable') durable.push(seen);
      return 'duplicate';
    });
    if (fresh.length > 0) {
      this.#enqueue(fresh, written);
      durable.push(written.promise);
    }
    await Promise.all(durable);
    return verdicts;
  }

  onDurable(listener: (ends: DurableEnds) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onSealed(listener: (range: LogRange) => void): () => void {
    this.#sealedListeners.add(listener);
    return () => this.#sealedListeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= Promise.resolve(this.#committing).then(() => this.#writer.close());
    return this.#closed;
  }

  #enqueue(events: HashedEvent[], written: Deferred): void {
    try {
      const entries = encodeEntries(events);
      if (FRAME_HEADER_BYTES + entries.length > MAX_FRAME_BYTES) {
        throw new RangeError(`an append of ${entries.length} bytes is more than a commit of 8 MB may hold`);
      }
      if (this.#waiting.length > 0 && this.#waitingBytes + entries.length > WAITING_MAX_BYTES) {
        throw new LogWriteError('log_unavailable', 'the disk is slower than what arrives');
      }
      this.#waiting.push({ events, entries, written });
      this.#waitingBytes += entries.length;
    } catch (error) {
      for (const { hash } of events) this.#seen.release(hash);
      throw error;
    }
    this.#committing ??= this.#commitWaiting();
  }

  async #commitWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      // All that arrives in one turn of the event loop shares a commit, and with it a sync.
      await nextTurn();
      await this.#commit(this.#takeGroup());
    }
    this.#committing = undefined;
  }

  /** As many of the waiting as one frame may hold; whole appends, at least one. */
  #takeGroup(): WaitingAppend[] {
    let bytes = FRAME_HEADER_BYTES;
    const firstLeft = this.#waiting.findIndex(({ entries }) => (bytes += entries.length) > MAX_FRAME_BYTES);
    const group = this.#waiting.splice(0, firstLeft === -1 ? this.#waiting.length : firstLeft);
    for (const { entries } of group) this.#waitingBytes -= entries.length;
    return group;
  }

  async #commit(group: WaitingAppend[]): Promise<void> {
    const events = group.flatMap((append) => append.events);
    const frame = encodeFrame(
      this.#end,
      events.length,
      group.map((append) => append.entries),
    );
    let sealed: SealedSegment | undefined;
    try {
      sealed = await this.#writer.append(frame, this.#end);
      if (sealed) this.#seen.startSegment();
    } catch (cause) {
      const error = writeError(cause);
      for (const { hash } of events) this.#seen.release(hash);
      for (const { written } of group) written.reject(error);
      if (!this.#failing) this.#onHealthChange(error);
      this.#failing = true;
      return;
    }
    if (this.#failing) this.#onHealthChange();
    this.#failing = false;
    for (const { hash } of events) this.#seen.keep(hash);
    this.#end += events.length;
    for (const { written } of group) written.resolve();
    // In a task of its own: what a listener throws must not stop the commits.
    for (const listener of this.#listeners) queueMicrotask(() => listener(this.durableEnds));
    if (!sealed) return;
    const range = rangeOf(sealed);
    for (const listener of this.#sealedListeners) queueMicrotask(() => listener(range));
  }
}

function rangeOf(segment: SealedSegment): LogRange {
  const { basePosition, endPosition, createdAtMs, endBytes } = segment;
  return { partition: 0, from: basePosition, to: endPosition, createdAtMs, bytes: endBytes };
}

function writeError(cause: unknown): LogWriteError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new LogWriteError('disk_full', 'the disk is full', { cause })
    : new LogWriteError('log_unavailable', 'the log cannot be written', { cause });
}

interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** `Promise.withResolvers` needs Node 22. */
function deferred(): Deferred {
  let settlers: Omit<Deferred, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settlers = { resolve, reject };
  });
  return { promise, ...settlers! };
}
