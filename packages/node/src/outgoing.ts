import type { AnalyticsError } from './errors.ts';
import type { WireEvent } from './serialise.ts';

/** What callbacks and `flush` are given: the body of the request, as analytics-node has it. */
export interface FlushData {
  batch: unknown[];
  timestamp: Date;
  sentAt: Date;
}

export type Callback = (error?: AnalyticsError, data?: FlushData) => void;

/** An event between the call and its outcome. */
export interface OutgoingEvent extends WireEvent {
  callback: Callback | undefined;
  /** Its place in the spool. */
  seq?: number;
  /** The message as an object, from when somebody first reads it. */
  message?: unknown;
}

/** The message that was sent, built from its bytes: what most programs never read costs nothing. */
export function messageOf(event: OutgoingEvent): unknown {
  return (event.message ??= parseMessage(event.json));
}

/** A copy of its own for each who asks. Of what a program put into `queue` itself it may be anything. */
export function parseMessage(json: string): Record<string, unknown> {
  const message = JSON.parse(json) as Record<string, unknown> | null;
  // In analytics-node it is a Date until axios makes JSON of it.
  if (typeof message?.['timestamp'] === 'string') message['timestamp'] = new Date(message['timestamp']);
  return message as Record<string, unknown>;
}

/** `batch` has the messages of `events`, built when somebody reads it. */
export function flushDataOf(
  events: () => readonly OutgoingEvent[],
  timestamp: Date,
  sentAt: Date,
): FlushData {
  let batch: unknown[] | undefined;
  return {
    get batch() {
      return (batch ??= events().map(messageOf));
    },
    timestamp,
    sentAt,
  };
}
