import type { EventType, FailureCode, FilterCode, JsonObject, SegmentEvent } from '@millrace/spec';

export type { RetryOptions } from './pace.ts';
export type { Condition, DestinationConfig, EventFilter, StartPosition, Transform } from './routing.ts';

/**
 * A destination maps events to a vendor's API and says of each what became of it. It holds no
 * queue, timer or retry of its own: the router cuts the batch, waits and tries again.
 */
export interface Destination {
  /** The key in an event's `integrations` object. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Other types are filtered as `UNSUPPORTED_EVENT_TYPE`. */
  readonly accepts: readonly EventType[];
  /** Ignores the `integrations` object, as Segment's storage destinations do. */
  readonly storage: boolean;
  readonly batch: BatchLimits;
  /** How many batches may be delivered at the same time; 1 where `state` is used. */
  readonly maxConcurrency: number;
  /**
   * How long one `deliver` may take, in milliseconds; then it is aborted, its events are tried again (`DELIVERY_TIMEOUT`), and a
   * second later its place is given to the next, whether it has ended or not. Default 120,000; Infinity for code that always ends.
   */
  readonly deliverTimeoutMs?: number;
  /**
   * Delivers a batch, at least one event. The outcomes are those of the first events of the batch, in
   * order; events without one are offered again, in front of the next batch, with no attempt spent.
   * So a destination that must keep state before it may act returns no outcome and the new state.
   * Rejecting counts as `retry` with `DESTINATION_FAILED` for the whole batch. Where every event of a batch is `rejected`
   * with the same code, or it rejects, the two halves of the batch are offered apart, and so on: what one event is to blame
   * for costs only that one.
   */
  deliver(events: readonly DeliveryEvent[], context: DeliveryContext): Promise<DeliveryResult>;
}

export interface BatchLimits {
  maxCount: number;
  /** Sum of the events' JSON in bytes; a single larger event is delivered alone. */
  maxBytes: number;
  /** How long to wait for a batch to fill, from its first event on. */
  maxWaitMs: number;
}

export interface DeliveryEvent {
  readonly event: SegmentEvent;
  /** The same event as it stands in the log: one line of JSON in UTF-8. */
  readonly json: Buffer;
  /** What an earlier `retry` of this event left to do. */
  readonly resume?: JsonObject;
}

export interface DeliveryContext {
  /** What the last committed delivery of this instance returned as `state`. */
  readonly state: JsonObject | undefined;
  /** Aborted when the router stops; the delivery then ends as soon as it can. */
  readonly signal: AbortSignal;
}

export interface DeliveryResult {
  outcomes: readonly Outcome[];
  /** At most 4 KB of JSON; committed together with the outcomes. Absent: stays as it was. */
  state?: JsonObject;
}

export type Outcome =
  | { kind: 'delivered' }
  | { kind: 'filtered'; code: FilterCode }
  /** Worth another attempt, not before `afterMs` from now where the vendor asks for that. */
  | { kind: 'retry'; code: FailureCode; afterMs?: number; resume?: JsonObject; exchange?: Exchange }
  /** Will never be accepted: a dead letter. */
  | { kind: 'rejected'; code: FailureCode; exchange?: Exchange }
  /** The credentials are refused: this destination is asked with one event every five minutes, no attempt is spent. */
  | { kind: 'unauthorized'; code: FailureCode };

/**
 * What was sent and what was answered, for people to read beside a dead letter. Without secrets: `exchangeOf` in
 * `exchange.ts` takes them out. At most 4 KB of JSON, else it is not kept.
 */
export interface Exchange {
  request: { method: string; url: string; headers: Record<string, string>; bodyBytes: number };
  /** Absent: there was none. */
  answer?: { status: number; contentType?: string; body: string; isCut: boolean };
}
