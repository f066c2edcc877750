import { existsSync } from 'node:fs';
import { median, rotated, seededRandom } from '../stats.mjs';
import { number, table, times } from '../table.mjs';
import { createBodies } from './bodies.mjs';
import { openLoop } from './open-loop.mjs';
import { THROUGHPUT, withMillrace, withParseOnly } from './targets.mjs';

/** Half of what the server can take: busy, and with room for what comes in bursts. */
const LATENCY_LOAD = 0.5;

const SHAPES = [
  { name: 'batches of 100', eventCount: 100, connections: 8 },
  { name: 'singles', eventCount: 1, connections: 32 },
];

/**
 * The server beside one that only parses and one that only syncs. Each round runs all of them.
 * @param {{ sizes: import('../options.mjs').Sizes['server'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureServer({ sizes, room, progress }) {
  if (!existsSync('/proc/self/stat')) {
    return {
      skipped: 'no /proc',
      tables: ['\nserver: skipped, CPU of other processes is read from /proc\n'],
    };
  }
  const trials = [];
  const summary = [];
  const latencies = [];
  for (let round = 0; round < sizes.rounds; round += 1) {
    for (const shape of SHAPES) {
      for (const target of rotated(Object.keys(THROUGHPUT), round)) {
        progress(`round ${round + 1} of ${sizes.rounds}, ${shape.name}, ${target}`);
        const bodies = createBodies(shape.eventCount);
        const throughput = await THROUGHPUT[target]({ shape, sizes, room, bodies });
        trials.push({ round, shape: shape.name, target, ...throughput });
      }
    }
  }
  for (const shape of SHAPES) {
    const own = trials.filter((trial) => trial.shape === shape.name);
    const rows = Object.keys(THROUGHPUT).map((target) => summarise(target, own));
    summary.push({ shape: shape.name, targets: rows });
    const eventsPerSecond = rows.find(({ target }) => target === 'millrace').eventsPerSecond;
    const requestsPerSecond = (LATENCY_LOAD * eventsPerSecond) / shape.eventCount;
    latencies.push({
      shape: shape.name,
      targets: await latency({ shape, requestsPerSecond, sizes, room, progress }),
    });
  }
  return { sizes, summary, latencies, trials, tables: tablesOf(summary, latencies) };
}

async function latency({ shape, requestsPerSecond, sizes, room, progress }) {
  const bodies = createBodies(shape.eventCount);
  const run = { shape, sizes, room, bodies };
  const measure = async ({ url }) => {
    const load = { url, bodies, requestsPerSecond, random: seededRandom(1) };
    await openLoop({ ...load, durationMs: sizes.warmUpMs });
    return openLoop({ ...load, durationMs: sizes.latencyMs });
  };
  progress(`latency, ${shape.name}, ${Math.round(requestsPerSecond)} requests/s`);
  return [
    { target: 'millrace', ...(await withMillrace(run, measure)) },
    { target: 'parse only', ...(await withParseOnly(run, measure)) },
  ];
}

function summarise(target, trials) {
  const own = trials.filter((trial) => trial.target === target);
  const floorOf = ({ round }) =>
    trials.find((trial) => trial.round === round && trial.target === 'parse only');
  const mid = (read) => median(own.map(read));
  return {
    target,
    cpuUsPerEvent: mid(cpuUsPerEvent),
    cpuRatio: mid((trial) => cpuUsPerEvent(trial) / cpuUsPerEvent(floorOf(trial))),
    routerCpuUsPerEvent: mid(({ routerCpuUs, deliveredCount }) => (routerCpuUs ?? NaN) / deliveredCount),
    eventsPerSecond: mid(eventsPerSecond),
    rateRatio: mid((trial) => eventsPerSecond(trial) / eventsPerSecond(floorOf(trial))),
    deliveredPercent: mid(
      ({ deliveredCount, acceptedCount }) => (100 * (deliveredCount ?? NaN)) / acceptedCount,
    ),
    refusedCount: mid(({ refusedCount }) => refusedCount ?? NaN),
  };
}

function cpuUsPerEvent({ cpuUs, acceptedCount }) {
  return cpuUs / acceptedCount;
}

function eventsPerSecond({ acceptedCount, elapsedMs }) {
  return (acceptedCount / elapsedMs) * 1_000;
}

function tablesOf(summary, latencies) {
  const columns = [
    '',
    'CPU µs/event',
    'to parse only',
    'router µs/event',
    'events/s',
    'to parse only',
    'delivered',
    'refused',
  ];
  return [
    ...summary.map(({ shape, targets }) =>
      table(
        `Server, ${shape}, one files destination`,
        columns,
        targets.map((row) => [
          row.target,
          number(row.cpuUsPerEvent),
          times(row.cpuRatio),
          number(row.routerCpuUsPerEvent),
          number(row.eventsPerSecond, 0),
          times(row.rateRatio),
          Number.isNaN(row.deliveredPercent) ? '–' : `${number(row.deliveredPercent, 0)} %`,
          number(row.refusedCount, 0),
        ]),
      ),
    ),
    table(
      'Latency at half of the server’s maximum, from the scheduled time, ms',
      ['', 'requests/s', 'p50', 'p99', 'p99.9', 'generator p99', 'note'],
      latencies.flatMap(({ shape, targets }) =>
        targets.map((row) => [
          `${row.target}, ${shape}`,
          number(row.requestsPerSecond, 0),
          number(row.p50Ms),
          number(row.p99Ms),
          number(row.p999Ms),
          number(row.generatorP99Ms),
          row.swamped ? 'swamped, cut off' : row.refusedCount > 0 ? `${row.refusedCount} refused` : '',
        ]),
      ),
    ),
  ];
}
