import type { AnalyticsError } from './errors.ts';
import type { Callback, OutgoingEvent } from './outgoing.ts';

/** Events that go in one request. */
export interface Batch {
  /** Place of the first of them in the order of flushing; the others follow it. */
  readonly from: number;
  readonly events: readonly OutgoingEvent[];
  /** Of the events' JSON. */
  readonly bytes: number;
  /** Nobody waits for them any more: they were {@link Kept} before. */
  readonly isTold?: boolean;
  /** Read back, so there may be more of them than memory should hold: a flush does not collect them. */
  readonly isFromDisk?: boolean;
}

/** What became of a batch. */
export interface Outcome {
  /** Why it was given up or, with `refused`, that a part of it was refused. */
  error: AnalyticsError | undefined;
  /** Errors of the refused events by their index in the batch, where the server took the others. */
  refused?: ReadonlyMap<number, AnalyticsError> | undefined;
  /** It was not delivered, and stays in the backlog nonetheless. */
  isKept?: boolean;
}

/** Events that stay in the backlog, while those who wait for them are told that this may take long. */
export interface Kept {
  /** Of their places. */
  readonly ranges: readonly { from: number; end: number }[];
  readonly callbacks: readonly Callback[];
}

/** Flushed events that wait for a connection, in the order of the calls. */
export interface Backlog {
  /** Events that wait; not those that were cut. */
  readonly count: number;
  /** Bytes of JSON of those that wait, as far as memory has them. */
  readonly bytes: number;
  add(events: readonly OutgoingEvent[]): void;
  /**
   * Removes as many of the oldest as one request may hold, one at least unless they are lost; only to
   * be asked when some wait. They leave `count` and `bytes` at once, also where they have yet to be read. Never rejects.
   */
  cut(): Batch | Promise<Batch>;
  /** Removes the oldest, or as few of the oldest as can be removed together. */
  dropOldest(): Batch | undefined;
  /**
   * A batch that was cut is delivered, given up, or to be kept. With several requests at once, in any order.
   * @returns when it is kept, all that is to be told so, itself included.
   */
  settled(batch: Batch, outcome: Outcome): Kept | undefined;
}
