import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { DestinationView, Status } from './wire.ts';

const hook: DestinationView = {
  id: 'hook',
  kind: 'webhook',
  name: 'Webhook',
  state: 'running',
  deliveredCount: 12,
  reorderedCount: 0,
  pendingCount: 3,
  filtered: { INTEGRATION_DISABLED: 4 },
  dead: { HTTP_400: 5 },
  dropped: { HTTP_400: 1 },
  revived: { HTTP_400: 2 },
  lagCount: 6,
};

const status = (given: Partial<Status> = {}): Status => ({
  startedAtMs: 1,
  trackingUrl: '',
  acceptsAnyWriteKey: false,
  counts: { receivedCount: 7, duplicateCount: 8, refusedCount: 9, refused: { invalid_json: 9 } },
  sources: [],
  destinations: [hook],
  router: { state: 'running' },
  log: { bytes: 10, starts: { 0: 2 } },
  ledgerReadable: true,
  ...given,
});

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('millrace_'));
}

it('tells what the page tells, each time as it then is', async () => {
  let told = status();
  const metrics = createMetrics({ version: '1.2.3' });
  const expected = [
    'millrace_build_info{version="1.2.3"} 1',
    'millrace_events_received_total 7',
    'millrace_log_bytes 10',
    'millrace_log_accepting 1',
    'millrace_events_duplicate_total 8',
    'millrace_events_refused_total{code="invalid_json"} 9',
    'millrace_router_up 1',
    'millrace_ledger_readable 1',
    'millrace_config_taken 1',
    'millrace_destination_up{destination="hook"} 1',
    'millrace_destination_delivered_total{destination="hook"} 12',
    'millrace_destination_filtered_total{destination="hook",code="INTEGRATION_DISABLED"} 4',
    'millrace_destination_dead_total{destination="hook",code="HTTP_400"} 7',
    'millrace_destination_revived_total{destination="hook",code="HTTP_400"} 2',
    'millrace_destination_dropped_total{destination="hook",code="HTTP_400"} 1',
    'millrace_destination_pending{destination="hook"} 3',
    'millrace_destination_lag{destination="hook"} 6',
  ];
  expect(linesOf(await metrics.scrape(told))).toEqual(expect.arrayContaining(expected));
  expect(linesOf(await metrics.scrape(told))).toEqual(expect.arrayContaining(expected));

  told = status({
    destinations: [{ ...hook, state: 'unauthorized', deliveredCount: 13 }],
    router: { state: 'failed' },
    configFault: 'a mistake',
  });
  expect(linesOf(await metrics.scrape(told))).toEqual(
    expect.arrayContaining([
      'millrace_router_up 0',
      'millrace_config_taken 0',
      'millrace_destination_up{destination="hook"} 0',
      'millrace_destination_delivered_total{destination="hook"} 13',
    ]),
  );
});

it('says nothing of what it cannot know, since a counter that falls looks like a restart', async () => {
  const metrics = createMetrics({ version: '1' });
  const text = await metrics.scrape(status({ ledgerReadable: false }));
  expect(linesOf(text)).toContain('millrace_ledger_readable 0');
  expect(text).not.toMatch(/^millrace_destination_delivered_total\{/m);
});

it('has how long appends took, and what Node says of the process', async () => {
  const metrics = createMetrics({ version: '1' });
  metrics.observeAppend(4);
  metrics.observeAppend(400);
  const text = await metrics.scrape(status());
  expect(linesOf(text)).toEqual(
    expect.arrayContaining([
      'millrace_append_duration_seconds_bucket{le="0.0025"} 0',
      'millrace_append_duration_seconds_bucket{le="0.005"} 1',
      'millrace_append_duration_seconds_bucket{le="0.5"} 2',
      'millrace_append_duration_seconds_count 2',
    ]),
  );
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(metrics.contentType).toMatch(/^text\/plain/);
});

it('has a line in the docs for each of its names, and no other', async () => {
  const told = await createMetrics({ version: '1' }).scrape(status());
  const names = told.matchAll(/^# TYPE (millrace_\w+)/gm);
  const docs = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
  const documented = docs.matchAll(/^\| `(millrace_\w+)/gm);
  expect(new Set(Array.from(documented, ([, name]) => name))).toEqual(
    new Set(Array.from(names, ([, name]) => name)),
  );
});
