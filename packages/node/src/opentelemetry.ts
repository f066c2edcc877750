import { metrics, type Attributes, type BatchObservableResult, type MeterProvider } from '@opentelemetry/api';
import type { Stats } from './outbox.ts';
import { LIBRARY_NAME, LIBRARY_VERSION } from './version.ts';

/** Where measurements go, and what they carry. */
export interface InstrumentOptions {
  /** Default: the global one as it is at the call, so start your SDK before. */
  meterProvider?: MeterProvider | undefined;
  /** On each measurement, for instance to tell several clients apart. Default none. */
  attributes?: Attributes | undefined;
}

const EVENTS = { unit: '{event}' };
const REQUESTS = { unit: '{request}' };

/**
 * Has a client measured: at each collection its `stats()` are read, and nothing in between.
 * @returns how to end that; until then the meter holds the client.
 */
export function instrument(
  analytics: { stats(): Stats },
  { meterProvider = metrics, attributes = {} }: InstrumentOptions = {},
): () => void {
  const meter = meterProvider.getMeter(LIBRARY_NAME, LIBRARY_VERSION);
  const held = meter.createObservableUpDownCounter('millrace.client.events.held', {
    ...EVENTS,
    description: 'Events that have not met their end, by where they are.',
  });
  const heldSize = meter.createObservableUpDownCounter('millrace.client.events.held.size', {
    unit: 'By',
    description: 'Their JSON.',
  });
  const delivered = meter.createObservableCounter('millrace.client.events.delivered', EVENTS);
  const failed = meter.createObservableCounter('millrace.client.events.failed', {
    ...EVENTS,
    description: 'Events that were sent and given up, or refused by the server, by code.',
  });
  const dropped = meter.createObservableCounter('millrace.client.events.dropped', {
    ...EVENTS,
    description: 'Events that were never sent, by code.',
  });
  const requests = meter.createObservableCounter('millrace.client.requests', {
    ...REQUESTS,
    description: 'Requests that were answered or failed, retries included.',
  });
  const retries = meter.createObservableCounter('millrace.client.retries', REQUESTS);

  const spooled = meter.createObservableUpDownCounter('millrace.client.spool.events', {
    ...EVENTS,
    description: 'With a spool: events in it that were neither delivered nor given up.',
  });
  const spooledSize = meter.createObservableUpDownCounter('millrace.client.spool.size', {
    unit: 'By',
    description: 'With a spool: its files, and what is about to be written.',
  });
  const rejected = meter.createObservableCounter('millrace.client.spool.rejected', {
    ...EVENTS,
    description: 'With a spool: events that were moved to `rejected/`.',
  });

  const observe = (result: BatchObservableResult): void => {
    const stats = analytics.stats();
    const states = [
      ['in_plugins', stats.inPluginsCount, stats.inPluginsBytes],
      ['queued', stats.queuedCount, stats.queuedBytes],
      ['in_flight', stats.inFlightCount, stats.inFlightBytes],
    ] as const;
    for (const [state, count, bytes] of states) {
      result.observe(held, count, { ...attributes, 'millrace.state': state });
      result.observe(heldSize, bytes, { ...attributes, 'millrace.state': state });
    }
    result.observe(delivered, stats.deliveredCount, attributes);
    for (const [code, count] of Object.entries(stats.failedCounts)) {
      result.observe(failed, count, { ...attributes, 'error.type': code });
    }
    for (const [code, count] of Object.entries(stats.droppedCounts)) {
      result.observe(dropped, count, { ...attributes, 'error.type': code });
    }
    result.observe(requests, stats.requestCount, attributes);
    result.observe(retries, stats.retryCount, attributes);
    if (!stats.spool) return;
    result.observe(spooled, stats.spool.eventCount, attributes);
    result.observe(spooledSize, stats.spool.bytes, attributes);
    result.observe(rejected, stats.spool.rejectedCount, attributes);
  };
  const ofSpool = [spooled, spooledSize, rejected];
  const instruments = [held, heldSize, delivered, failed, dropped, requests, retries, ...ofSpool];
  meter.addBatchObservableCallback(observe, instruments);
  return () => meter.removeBatchObservableCallback(observe, instruments);
}
