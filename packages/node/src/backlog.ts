import type { AnalyticsError } from './errors.ts';
import type { OutgoingEvent } from './outgoing.ts';

/** Events that go in one request. */
export interface Batch {
  /** Place of the first of them in the order of flushing; the others follow it. */
  readonly from: number;
  readonly events: readonly OutgoingEvent[];
  /** Of the events' JSON. */
  readonly bytes: number;
}

/** What became of a batch. */
export interface Outcome {
  /** Why it was given up or, with `refused`, that a part of it was refused. */
  error: AnalyticsError | undefined;
  /** Errors of the refused events by their index in the batch, where the server took the others. */
  refused?: ReadonlyMap<number, AnalyticsError> | undefined;
}

/** Flushed events that wait for a connection, in the order of the calls. */
export interface Backlog {
  /** Events that wait; not those that were cut. */
  readonly count: number;
  /** Bytes of JSON of those that wait. */
  readonly bytes: number;
  add(events: readonly OutgoingEvent[]): void;
  /**
   * Removes as many of the oldest as one request may hold, one at least; only to be asked when some
   * wait. They leave `count` and `bytes` at once, also where they have yet to be read. Never rejects.
   */
  cut(): Batch | Promise<Batch>;
  /** Removes the oldest, as a batch of one. */
  dropOldest(): Batch | undefined;
  /** A batch that was cut is delivered or given up. With several requests at once, in any order. */
  settled(batch: Batch, outcome: Outcome): void;
}
