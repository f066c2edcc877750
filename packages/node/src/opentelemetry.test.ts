import { metrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../test/scripted-server.ts';
import { Analytics } from './analytics.ts';
import { instrument } from './opentelemetry.ts';

/** What an OpenTelemetry SDK collects of a client. */

interface Sdk {
  provider: MeterProvider;
  /** Metrics of now: by name and unit, the value for each set of attributes. */
  collect: () => Promise<Record<string, [attributes: object, value: unknown][]>>;
}

function sdk(): Sdk {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  return {
    provider,
    collect: async () => {
      exporter.reset();
      await provider.forceFlush();
      const collected = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return Object.fromEntries(
        collected
          .flatMap(({ metrics }) => metrics)
          .map(({ descriptor, dataPoints }) => [
            `${descriptor.name} ${descriptor.unit}`,
            dataPoints.map(({ attributes, value }) => [attributes, value]),
          ]),
      );
    },
  };
}

afterEach(() => metrics.disable());

describe('instrument', () => {
  it('measures where events are and what became of them', async () => {
    const server = await startServer();
    onTestFinished(() => server.close());
    const analytics = new Analytics('KEY', {
      host: server.host,
      maxBufferedEvents: 2,
      errorHandler: () => undefined,
    });
    analytics.flushed = true;
    const { provider, collect } = sdk();
    const stop = instrument(analytics, { meterProvider: provider, attributes: { source: 'web' } });
    server.script({ status: 503, headers: { 'retry-after': '0' } }, { status: 200 }, { status: 400 });
    for (const event of ['a', 'b', 'too many']) analytics.track({ userId: 'u', event });
    await analytics.flush();
    analytics.track({ userId: 'u', event: 'c' });
    await analytics.flush();
    analytics.track({ userId: 'u', event: 'held' });

    const source = 'web';
    const { queuedBytes } = analytics.stats();
    expect(await collect()).toEqual({
      'millrace.client.events.held {event}': [
        [{ source, 'millrace.state': 'in_plugins' }, 0],
        [{ source, 'millrace.state': 'queued' }, 1],
        [{ source, 'millrace.state': 'in_flight' }, 0],
      ],
      'millrace.client.events.held.size By': [
        [{ source, 'millrace.state': 'in_plugins' }, 0],
        [{ source, 'millrace.state': 'queued' }, queuedBytes],
        [{ source, 'millrace.state': 'in_flight' }, 0],
      ],
      'millrace.client.events.delivered {event}': [[{ source }, 2]],
      'millrace.client.events.failed {event}': [[{ source, 'error.type': 'HTTP_400' }, 1]],
      'millrace.client.events.dropped {event}': [[{ source, 'error.type': 'QUEUE_FULL' }, 1]],
      'millrace.client.requests {request}': [[{ source }, 3]],
      'millrace.client.retries {request}': [[{ source }, 1]],
    });

    stop();
    await analytics.flush();
    // The SDK goes on exporting what it was told last.
    expect(await collect()).toMatchObject({ 'millrace.client.events.delivered {event}': [[{ source }, 2]] });
  });

  it('measures the spool of a client that has one', async () => {
    const stats = { ...new Analytics('KEY').stats() };
    const spool = { eventCount: 3, bytes: 900, adoptedCount: 1, rejectedCount: 2, isAvailable: true };
    const { provider, collect } = sdk();
    instrument({ stats: () => ({ ...stats, spool }) }, { meterProvider: provider });
    expect(await collect()).toMatchObject({
      'millrace.client.spool.events {event}': [[{}, 3]],
      'millrace.client.spool.size By': [[{}, 900]],
      'millrace.client.spool.rejected {event}': [[{}, 2]],
    });
  });

  it('uses the global provider, and costs nothing where there is none', async () => {
    const unmeasured = new Analytics('KEY');
    instrument(unmeasured)();
    const { provider, collect } = sdk();
    metrics.setGlobalMeterProvider(provider);
    instrument(new Analytics('KEY'));
    expect(await collect()).toMatchObject({ 'millrace.client.requests {request}': [[{}, 0]] });
  });
});
