import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Analytics } from '@millrace/node';
import { instrument } from '@millrace/node/opentelemetry';
import { describe, expect, it } from 'vitest';

/** The subpath as it is published. */

describe('@millrace/node/opentelemetry', () => {
  it('is the same by import and by require', async () => {
    const code = `
      import('@millrace/node/opentelemetry').then(({ instrument }) => {
        console.log(instrument === require('@millrace/node/opentelemetry').instrument);
      });`;
    const cwd = fileURLToPath(new URL('.', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { cwd, timeout: 20_000 });
    expect(stdout).toBe('true\n');
  });

  it('measures the published client', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
    const meterProvider = new MeterProvider({ readers: [reader] });
    const stop = instrument(new Analytics('KEY'), { meterProvider, attributes: { source: 'web' } });
    await meterProvider.forceFlush();
    stop();
    await meterProvider.shutdown();
    const [collected] = exporter.getMetrics();
    const names = collected!.scopeMetrics.flatMap(({ metrics }) =>
      metrics.map(({ descriptor }) => descriptor.name),
    );
    expect(names).toContain('millrace.client.events.delivered');
    expect(collected!.scopeMetrics[0]!.scope.name).toBe('@millrace/node');
  });
});
