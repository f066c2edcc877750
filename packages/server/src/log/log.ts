/**
 * The log: the one meeting point of collector and router. Durable before it answers, deduplicated
 * by source and messageId, readable from any position by any number of readers. `contract.ts`
 * is what every driver passes.
 */

/** A part of the log with an order of its own. A reader is told which ones it owns. */
export type Partition = number;

/**
 * A place within one partition: an integer that grows from event to event, comparable and
 * storable, and meaningless across partitions. Gaps are allowed and mean nothing.
 */
export type Position = number;

/** For each partition the position after its last durable event. */
export type DurableEnds = Readonly<Record<Partition, Position>>;

/** For each partition the position from which on it can be read: what was before was given up. */
export type LogStarts = Readonly<Record<Partition, Position>>;

/** By reader (a destination's id), for each partition the lowest position that it still needs. */
export type Needs = Readonly<Record<string, Readonly<Record<Partition, Position>>>>;

/**
 * A stretch of one partition that is kept, indexed and given up as a whole. Nothing but the last one of a
 * partition is open, and a sealed one never changes.
 */
export interface LogRange {
  partition: Partition;
  from: Position;
  /** The position after its last event; undefined while it is open: appends go there. */
  to: Position | undefined;
  /** By the writer's clock, milliseconds since the epoch. */
  createdAtMs: number;
  /** What it takes where it is kept; of an open one, for now. */
  bytes: number;
}

/** Bits of `flags`. */
export const FLAG_TIMESTAMP_SKEWED = 1;

export interface NewEvent {
  sourceId: string;
  messageId: string;
  /** By the collector's clock, milliseconds since the epoch. */
  receivedAtMs: number;
  flags: number;
  /** The event with its stamps: one JSON object in UTF-8, no line break. */
  json: Buffer;
}

export interface LogRecord {
  partition: Partition;
  position: Position;
  sourceId: string;
  receivedAtMs: number;
  flags: number;
  json: Buffer;
}

/** `duplicate`: an event of that source with that messageId is already there, and durable. */
export type AppendVerdict = 'appended' | 'duplicate';

/** The writing side; one in the server process. */
export interface EventLog {
  /** What readers may see; grows with each commit. */
  readonly durableEnds: DurableEnds;
  /** Where the log begins: 0 until something was trimmed. */
  readonly starts: LogStarts;
  /**
   * Resolves once all of the events are durable, with one verdict each, in order.
   * @throws {LogWriteError} None of the events that it would have called `appended` can be
   * relied on; the same call may be made again.
   */
  append(events: readonly NewEvent[]): Promise<AppendVerdict[]>;
  /** Calls the listener after each commit. Returns the way to stop. */
  onDurable(listener: (ends: DurableEnds) => void): () => void;
  /**
   * Calls the listener with each range that is sealed from then on, once the first commit behind it is
   * durable: `to` is never beyond the durable end. A process that ends in between tells nobody;
   * `LogReader.ranges` has them all. Returns the way to stop.
   */
  onSealed(listener: (range: LogRange) => void): () => void;
  /**
   * Gives up the oldest ranges of a partition, as far as they end at or before `before` and have something durable
   * behind them. Whole ranges only, never the open one; a driver may keep some for longer. That they are given up is
   * durable before anything of them is gone: a crash leaves the old start or the new one. Calls join the one before.
   * @throws {LogWriteError} It is not known whether the start has moved; the same call may be made again.
   */
  trim(partition: Partition, before: Position): Promise<void>;
  /** Finishes what is in flight; later appends are refused. */
  close(): Promise<void>;
}

/** The reading side; any number, in any process of the machine. */
export interface LogReader {
  /** No read passes these; events may exist behind them that are not durable yet. */
  setDurableEnds(ends: DurableEnds): void;
  /**
   * What is before was given up: it is not read any more, and what a reader holds of it is let go, so that its space
   * is free. A reader that is not told finds out, but later.
   */
  setStarts(starts: LogStarts): void;
  /**
   * The durable events from `from` on, oldest first, fewer than asked when the bounds are met or the
   * durable end is reached, none at the durable end. At least one event is returned if there is one,
   * whatever its size.
   * @throws {LogReadError} The log is damaged or unreadable there, or `from` lies beyond the durable end, or was
   * trimmed.
   */
  read(partition: Partition, from: Position, limit: ReadLimit): Promise<LogRecord[]>;
  /**
   * The ranges of the partition that hold durable events, oldest first, each beginning where the one before
   * ends. The last one is open; a range is shown as sealed once there is something durable behind it.
   * @throws {LogReadError} The log is unreadable.
   */
  ranges(partition: Partition): Promise<LogRange[]>;
  close(): Promise<void>;
}

export interface ReadLimit {
  maxCount: number;
  /** Sum of the events' JSON in bytes. */
  maxBytes: number;
}

export class LogWriteError extends Error {
  override readonly name = 'LogWriteError';
  readonly code: 'log_unavailable' | 'disk_full' | 'shutting_down';

  constructor(code: LogWriteError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export class LogReadError extends Error {
  override readonly name = 'LogReadError';
  readonly code: 'damaged' | 'unknown_version' | 'beyond_end' | 'trimmed' | 'io';

  constructor(code: LogReadError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
