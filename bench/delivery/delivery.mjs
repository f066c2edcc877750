import { existsSync } from 'node:fs';
import { startChild } from '../processes.mjs';
import { median } from '../stats.mjs';
import { number, table, times } from '../table.mjs';
import { measureIsolation } from './isolation.mjs';
import { deliverByBareLoop, deliverByMillrace } from './trials.mjs';

/** Batches get more events, else they would be over at once. */
const BATCH_FACTOR = 10;

const SHAPES = [
  { name: '1 webhook, an event a request', webhookCount: 1, batchCount: 1 },
  { name: '8 webhooks, an event a request', webhookCount: 8, batchCount: 1 },
  { name: '1 webhook, batches of 100', webhookCount: 1, batchCount: 100 },
  { name: '8 webhooks, batches of 100', webhookCount: 8, batchCount: 100 },
];

/**
 * How fast a backlog gets out, beside a bare loop with the same bodies and the same concurrency.
 * @param {{ sizes: import('../options.mjs').Sizes['delivery'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureDelivery({ sizes, room, progress }) {
  if (!existsSync('/proc/self/stat')) {
    return {
      skipped: 'no /proc',
      tables: ['\ndelivery: skipped, CPU of other processes is read from /proc\n'],
    };
  }
  const { rounds, warmUpCount, eventCount, limitMs } = sizes;
  const trials = [];
  const receiver = startChild('delivery/receiver.mjs', 'delivery-receiver', {
    ...room,
    profileDir: undefined,
  });
  try {
    const receiverUrl = `http://127.0.0.1:${await receiver.ask('listen')}`;
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, ...shape } of SHAPES) {
        progress(`round ${round + 1} of ${rounds}, ${name}`);
        const factor = shape.batchCount > 1 ? BATCH_FACTOR : 1;
        const counts = { warmUpCount: factor * warmUpCount, eventCount: factor * eventCount };
        const run = { ...shape, ...counts, limitMs, receiver, receiverUrl, room };
        const millrace = await deliverByMillrace(run);
        const sample = await receiver.ask('sample');
        const bare = await deliverByBareLoop(run, sample);
        trials.push({ round, shape: name, requestBytes: Buffer.byteLength(sample.body), millrace, bare });
      }
    }
  } finally {
    await receiver.end();
  }
  const summary = SHAPES.map(({ name }) =>
    summarise(
      name,
      trials.filter(({ shape }) => shape === name),
    ),
  );
  const { table: isolationTable, ...isolation } = await measureIsolation({
    sizes: sizes.isolation,
    room,
    progress,
  });
  return { sizes, summary, trials, isolation, tables: [tableOf(summary), isolationTable] };
}

function summarise(shape, trials) {
  const mid = (read) => median(trials.map(read));
  const cut = trials.find(({ millrace }) => millrace.deliveredCount < millrace.expectedCount);
  return {
    shape,
    note: cut ? `cut off: ${cut.millrace.deliveredCount} of ${cut.millrace.expectedCount}` : '',
    eventsPerSecond: mid(({ millrace }) => eventsPerSecond(millrace)),
    bareEventsPerSecond: mid(({ bare }) => eventsPerSecond(bare)),
    rateRatio: mid(({ millrace, bare }) => eventsPerSecond(millrace) / eventsPerSecond(bare)),
    cpuUsPerEvent: mid(({ millrace }) => cpuUsPerEvent(millrace)),
    bareCpuUsPerEvent: mid(({ bare }) => cpuUsPerEvent(bare)),
    cpuRatio: mid(({ millrace, bare }) => cpuUsPerEvent(millrace) / cpuUsPerEvent(bare)),
  };
}

function eventsPerSecond({ deliveredCount, elapsedMs }) {
  return (deliveredCount / elapsedMs) * 1_000;
}

function cpuUsPerEvent({ cpuUs, deliveredCount }) {
  return cpuUs / deliveredCount;
}

function tableOf(summary) {
  return table(
    'Delivery of a backlog, over all webhooks; CPU of the router and of the bare loop',
    ['', 'events/s', 'bare events/s', 'to bare', 'CPU µs/event', 'bare CPU', 'to bare', 'note'],
    summary.map((row) => [
      row.shape,
      number(row.eventsPerSecond, 0),
      number(row.bareEventsPerSecond, 0),
      times(row.rateRatio),
      number(row.cpuUsPerEvent),
      number(row.bareCpuUsPerEvent),
      times(row.cpuRatio),
      row.note,
    ]),
  );
}
