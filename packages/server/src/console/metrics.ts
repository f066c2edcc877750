import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Status } from './wire.ts';

export interface Metrics {
  /** How long the log took to make the events of one request durable, or to fail; milliseconds. */
  observeAppend(durationMs: number): void;
  contentType: string;
  /** In the text format of Prometheus. */
  scrape(status: Status): Promise<string>;
}

/** From a commit of a fast disk to a sync that hangs. */
const APPEND_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/**
 * What Prometheus is told: docs/operations.md lists the names. What is counted is read when it is asked for, from the same
 * place as the page's figures, so that counting costs events nothing.
 */
export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `millrace_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `millrace_${name}`, help, labelNames, registers });

  gauge('build_info', 'Always 1.', ['version']).set({ version }, 1);
  const appendSeconds = new Histogram({
    name: 'millrace_append_duration_seconds',
    help: 'How long the log took to make the events of one request durable, or to fail.',
    buckets: APPEND_BUCKETS_S,
    registers,
  });
  const received = counter('events_received_total', 'Events made durable since the start.');
  const duplicates = counter('events_duplicate_total', 'Events answered 200 that were there already.');
  const refused = counter('events_refused_total', 'Events and requests refused, by code.', ['code']);
  const routerUp = gauge('router_up', '1 while the router runs.');
  const logBytes = gauge('log_bytes', 'What all segment files of the log take.');
  const logAccepting = gauge('log_accepting', '0 while new events are answered 503 because the log is full.');
  const ledgerReadable = gauge('ledger_readable', '1 while what became of events can be read.');
  const configTaken = gauge('config_taken', '1 while the config file as last read is what runs.');
  const up = gauge('destination_up', '1 while the destination is delivered to.', ['destination']);
  const delivered = counter('destination_delivered_total', 'Events delivered.', ['destination']);
  const filtered = counter('destination_filtered_total', 'Events not meant for it, by code.', [
    'destination',
    'code',
  ]);
  const dead = counter('destination_dead_total', 'Events given up, by code.', ['destination', 'code']);
  const revived = counter(
    'destination_revived_total',
    'Dead letters tried again, by the code that they died of.',
    ['destination', 'code'],
  );
  const dropped = counter('destination_dropped_total', 'Dead letters dropped on request, by code.', [
    'destination',
    'code',
  ]);
  const pending = gauge('destination_pending', 'Events to be tried again, or held back by one that is.', [
    'destination',
  ]);
  const lag = gauge('destination_lag', 'Events in the log that it has not got to.', ['destination']);

  function refresh({
    counts,
    destinations,
    router,
    log,
    ledgerReadable: isReadable,
    configFault,
  }: Status): void {
    for (const each of [
      received,
      duplicates,
      refused,
      up,
      delivered,
      filtered,
      dead,
      revived,
      dropped,
      pending,
      lag,
    ])
      each.reset();
    received.inc(counts.receivedCount);
    duplicates.inc(counts.duplicateCount);
    for (const [code, count] of Object.entries(counts.refused)) refused.inc({ code }, count);
    routerUp.set(router.state === 'running' ? 1 : 0);
    logBytes.set(log.bytes);
    logAccepting.set(log.refusing === undefined ? 1 : 0);
    ledgerReadable.set(isReadable ? 1 : 0);
    configTaken.set(configFault === undefined ? 1 : 0);
    for (const view of destinations) {
      const destination = view.id;
      up.set({ destination }, view.state === 'running' ? 1 : 0);
      // Unknown is not 0: a counter that falls looks like a restart.
      if (!isReadable) continue;
      delivered.inc({ destination }, view.deliveredCount);
      pending.set({ destination }, view.pendingCount);
      lag.set({ destination }, view.lagCount);
      for (const [code, count] of Object.entries(view.filtered)) filtered.inc({ destination, code }, count);
      for (const [code, count] of Object.entries(view.dead)) dead.inc({ destination, code }, count);
      for (const [code, count] of Object.entries(view.revived)) {
        // They died once all the same.
        dead.inc({ destination, code }, count);
        revived.inc({ destination, code }, count);
      }
      for (const [code, count] of Object.entries(view.dropped)) dropped.inc({ destination, code }, count);
    }
  }

  return {
    observeAppend: (durationMs) => appendSeconds.observe(durationMs / 1_000),
    contentType: registry.contentType,
    scrape(status) {
      refresh(status);
      return registry.metrics();
    },
  };
}
