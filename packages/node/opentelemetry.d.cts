import type { Attributes, MeterProvider } from '@opentelemetry/api';
import type { Stats } from './index.cjs';

/** Where measurements go, and what they carry. */
export interface InstrumentOptions {
  /** Default: the global one as it is at the call, so start your SDK before. */
  meterProvider?: MeterProvider | undefined;
  /** On each measurement, for instance to tell several clients apart. Default none. */
  attributes?: Attributes | undefined;
}

/**
 * Has a client measured through `@opentelemetry/api`: at each collection its `stats()` are read, and nothing in
 * between. The metrics are `millrace.client.events.held` (by `millrace.state`: `in_plugins`, `queued`, `in_flight`),
 * `millrace.client.events.held.size` (in bytes, likewise), `millrace.client.events.delivered`,
 * `millrace.client.events.failed` and `millrace.client.events.dropped` (by `error.type`, the code),
 * `millrace.client.requests` and `millrace.client.retries`; with a spool also `millrace.client.spool.events`,
 * `millrace.client.spool.size` and `millrace.client.spool.rejected`.
 *
 * Returns how to end that; until then the meter holds the client.
 */
export function instrument(analytics: { stats(): Stats }, options?: InstrumentOptions): () => void;
