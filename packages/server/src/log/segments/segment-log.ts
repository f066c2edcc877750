import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock, type Clock } from '../../clock.ts';
import {
  LogWriteError,
  type AppendVerdict,
  type DurableEnds,
  type EventLog,
  type LogRange,
  type LogStarts,
  type NewEvent,
  type Partition,
  type Position,
} from '../log.ts';
import { deferred, type Deferred } from './deferred.ts';
import { realDisk, type Disk } from './disk.ts';
import { eventHash } from './event-hash.ts';
import {
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  encodeEntries,
  encodeFrame,
  type HashedEvent,
} from './frame.ts';
import { knownOf, type Doubt } from './dedupe/doubts.ts';
import type { KnownEvents } from './dedupe/known-events.ts';

import type { DedupeNotice, DedupeStatus } from './dedupe/notice.ts';
import { openKnownEvents } from './dedupe/open-known-events.ts';
import { InFlight } from './in-flight.ts';
import { recover, type Cut, type Damage, type RecoveredLog } from './recovery.ts';
import { SegmentChain, type SealedSegment } from './segment-chain.ts';
import { SegmentWriter } from './segment-writer.ts';
import { Trimmer } from './trimmer.ts';

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
  /** The folder of what duplicates are found by, all of it derived from the segments. Default `dedupe` beside `dir`. */
  dedupeDir?: string;
  /**
   * A duplicate of an event is found for so long after that was received, and longer where it costs nothing.
   * Milliseconds, default 24 hours. By `clock`.
   */
  dedupeWindowMs?: number;
  /**
   * What the hashes of events may take in memory. Bytes, default 256 MB: enough for about 120 million events at
   * 12 to 13 bits each. At the bound the window shrinks, and `dedupe` says so.
   */
  dedupeMaxMemoryBytes?: number;
  /** Told what an operator may want to know of the finding of duplicates. */
  onDedupeNotice?: (notice: DedupeNotice) => void;
  /** Told of the first commit that fails, and of the first that succeeds after it (no error). */
  onHealthChange?: (error?: LogWriteError) => void;
}

export interface SegmentLog extends EventLog {
  /** What recovery cut off when the log was opened, to be told to the operator. */
  readonly cut: Cut | undefined;
  /** Damage found in the last segment when the log was opened; readers stop at it. */
  readonly damage: readonly Damage[];
  /** How far duplicates are found, and what it costs. */
  readonly dedupe: DedupeStatus;
  /** Resolves when what finds duplicates is written and merged as far as it can be for now. */
  dedupeIdle(): Promise<void>;
}

/**
 * Opens the embedded log: one partition, 0, with positions from 0 without gaps.
 * @throws {LogReadError} The last segment's header is damaged or of an unknown format version; or a segment whose
 * hashes must be read again cannot be read.
 */
export async function openSegmentLog(options: SegmentLogOptions): Promise<SegmentLog> {
  const { dir, disk = realDisk, clock = systemClock } = options;
  const { maxSegmentBytes = 256 * 1024 * 1024, maxSegmentAgeMs = 3_600_000 } = options;
  const { dedupeDir = join(dirname(dir), 'dedupe'), dedupeWindowMs: windowMs = 24 * 3_600_000 } = options;
  const { dedupeMaxMemoryBytes: maxMemoryBytes = 256 * 1024 * 1024 } = options;
  const onNotice = options.onDedupeNotice ?? (() => {});
  const recovered = await recover(disk, dir);
  const known = await knownEvents().catch(async (error: unknown) => {
    await recovered.active?.file.close().catch(() => {});
    throw error;
  });
  const writer = new SegmentWriter({ dir, disk, clock, maxSegmentBytes, maxSegmentAgeMs }, recovered);
  const trimmer = new Trimmer(disk, dir, recovered.start);
  // What a crash has left of an earlier trim; what is still there after this goes with the next one.
  await trimmer.trim(0).catch(() => {});
  return new GroupCommitLog({ writer, trimmer, known }, recovered, options.onHealthChange ?? (() => {}));

  async function knownEvents(): Promise<KnownEvents> {
    const chain = new SegmentChain(disk, dir);
    await chain.refresh();
    return openKnownEvents(
      { disk, clock, logDir: dir, dedupeDir, windowMs, maxMemoryBytes, onNotice },
      { chain, active: recovered.hashes, end: recovered.endPosition },
    );
  }
}

/** What may wait for the commits before it: some seconds of a slow disk. Beyond it nothing more is taken. */
const WAITING_MAX_BYTES = 64 * 1024 * 1024;

/** One call of `append` that waits for its commit. */
interface WaitingAppend {
  events: HashedEvent[];
  entries: Buffer;
  written: Deferred;
  /** The hashes that turned out to be known, where that was not told at once; or what went wrong. Never rejects. */
  known?: Promise<ReadonlySet<string> | LogWriteError>;
}

class GroupCommitLog implements SegmentLog {
  readonly cut: Cut | undefined;
  readonly damage: readonly Damage[];
  readonly #writer: SegmentWriter;
  readonly #trimmer: Trimmer;
  readonly #known: KnownEvents;
  readonly #inFlight = new InFlight();
  readonly #listeners = new Set<(ends: DurableEnds) => void>();
  readonly #sealedListeners = new Set<(range: LogRange) => void>();
  #end: Position;
  #waiting: WaitingAppend[] = [];
  #waitingBytes = 0;
  #committing: Promise<void> | undefined;
  #trimmed: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  readonly #onHealthChange: (error?: LogWriteError) => void;
  #failing = false;

  constructor(
    parts: { writer: SegmentWriter; trimmer: Trimmer; known: KnownEvents },
    recovered: RecoveredLog,
    onHealthChange: (error?: LogWriteError) => void,
  ) {
    this.#writer = parts.writer;
    this.#trimmer = parts.trimmer;
    this.#onHealthChange = onHealthChange;
    this.#known = parts.known;
    this.damage = recovered.damage;
    this.#end = recovered.endPosition;
    this.cut = recovered.cut;
  }

  get durableEnds(): DurableEnds {
    return { 0: this.#end };
  }

  get starts(): LogStarts {
    return { 0: this.#trimmer.start };
  }

  /** @throws {RangeError} The events do not fit into one commit (8 MB). */
  async append(events: readonly NewEvent[]): Promise<AppendVerdict[]> {
    if (this.#closed) throw new LogWriteError('shutting_down', 'the log is closed');
    const written = deferred();
    const fresh: HashedEvent[] = [];
    const durable: Promise<void>[] = [];
    const doubts: Doubt[] = [];
    const verdicts = events.map((event, index): AppendVerdict => {
      const hash = eventHash(event.sourceId, event.messageId);
      const inFlight = this.#inFlight.find(hash);
      if (inFlight) {
        durable.push(inFlight);
        return 'duplicate';
      }
      const isKnown = this.#known.find(hash);
      if (isKnown === true) return 'duplicate';
      this.#inFlight.claim(hash, written.promise);
      fresh.push({ event, hash });
      if (isKnown !== false) doubts.push({ hash, index, isKnown });
      return 'appended';
    });
    if (fresh.length > 0) {
      this.#enqueue(fresh, written, doubts);
      durable.push(written.promise);
    }
    await Promise.all(durable);
    for (const { index, isKnown } of doubts) if (await isKnown) verdicts[index] = 'duplicate';
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

  trim(partition: Partition, before: Position): Promise<void> {
    const trimming = this.#trimmed.then(() => (partition === 0 ? this.#trim(before) : undefined));
    this.#trimmed = trimming.catch(() => {});
    return trimming;
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#committing, this.#trimmed])
      .then(() => this.#known.close())
      .then(() => this.#writer.close());
    return this.#closed;
  }

  async #trim(before: Position): Promise<void> {
    if (this.#closed) throw new LogWriteError('shutting_down', 'the log is closed');
    // The next segment's name and header are on the disk once there is an event in it. And of a segment without a run
    // the events may have to be read again, to know what is in it.
    const mayGo = Math.min(before, this.#end - 1, this.#known.unwrittenFrom);
    try {
      await this.#trimmer.trim(mayGo);
    } catch (cause) {
      throw writeError(cause);
    }
  }

  get dedupe(): DedupeStatus {
    return this.#known.status;
  }

  dedupeIdle(): Promise<void> {
    return this.#known.idle();
  }

  #enqueue(events: HashedEvent[], written: Deferred, doubts: readonly Doubt[]): void {
    // Also where it is not taken: nobody else handles what may reject.
    const known = doubts.length > 0 ? knownOf(doubts) : undefined;
    try {
      const entries = encodeEntries(events);
      if (FRAME_HEADER_BYTES + entries.length > MAX_FRAME_BYTES) {
        throw new RangeError(`an append of ${entries.length} bytes is more than a commit of 8 MB may hold`);
      }
      if (this.#waiting.length > 0 && this.#waitingBytes + entries.length > WAITING_MAX_BYTES) {
        throw new LogWriteError('log_unavailable', 'the disk is slower than what arrives');
      }
      this.#waiting.push({ events, entries, written, ...(known && { known }) });
      this.#waitingBytes += entries.length;
    } catch (error) {
      this.#release(events);
      throw error;
    }
    this.#committing ??= this.#commitWaiting();
  }

  async #commitWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      // All that arrives in one turn of the event loop shares a commit, and with it a sync.
      await nextTurn();
      const group = await this.#withoutKnown(this.#takeGroup());
      if (group.length > 0) await this.#commit(group);
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

  /** What is still to be written of them. Runs were asked while the commit before was written. */
  async #withoutKnown(group: readonly WaitingAppend[]): Promise<WaitingAppend[]> {
    const left: WaitingAppend[] = [];
    for (const append of group) {
      const known = await append.known;
      if (known === undefined || (known instanceof Set && known.size === 0)) {
        left.push(append);
      } else if (known instanceof LogWriteError) {
        this.#release(append.events);
        append.written.reject(known);
      } else {
        this.#release(append.events.filter(({ hash }) => known.has(hash)));
        const events = append.events.filter(({ hash }) => !known.has(hash));
        if (events.length === 0) append.written.resolve();
        else left.push({ ...append, events, entries: encodeEntries(events) });
      }
    }
    return left;
  }

  #release(events: readonly HashedEvent[]): void {
    for (const { hash } of events) this.#inFlight.release(hash);
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
    } catch (cause) {
      const error = writeError(cause);
      this.#release(events);
      for (const { written } of group) written.reject(error);
      if (!this.#failing) this.#onHealthChange(error);
      this.#failing = true;
      return;
    }
    if (this.#failing) this.#onHealthChange();
    this.#failing = false;
    if (sealed) this.#known.seal(sealed);
    for (const { hash } of events) this.#known.keep(hash);
    this.#release(events);
    this.#known.afterCommit();
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
