import type { AnalyticsError } from './errors.ts';
import type { FlushData } from './outgoing.ts';

/** What listeners are given, by event: what @segment/analytics-node emits, and `flush`. */
export type ClientEvents = {
  /** A batch failed for good, or events were dropped. */
  error: [error: AnalyticsError];
  /** A flush has ended, with its error if it has one. Not one of nothing. */
  flush: [data: FlushData | undefined, error: AnalyticsError | undefined];
  /** A call was refused because the client is closed; the event as it would have been sent. */
  call_after_close: [event: Record<string, unknown>];
  /** Nothing is left: each event that was accepted has met its end. */
  drained: [];
};
