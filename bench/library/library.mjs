import { readFileSync } from 'node:fs';
import { median, rotated } from '../stats.mjs';
import { number, table, times } from '../table.mjs';
import { ADAPTERS, PACKAGES } from './adapters/adapter.mjs';
import { runTrial, startSink } from './trial.mjs';

const CALLS_A_BURST = 1_000;

/**
 * The library beside its peers and beside the floor. Each round runs every contender in every scenario; ratios
 * are formed within a round, then the median is taken.
 * @param {{ sizes: import('../options.mjs').Sizes['library'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureLibrary({ sizes, room, progress }) {
  const { rounds, limitMs } = sizes;
  const scenarios = scenariosOf(sizes);
  const names = Object.keys(ADAPTERS);
  /** @type {{ round: number, contender: string, scenario: string, trial: import('./trial.mjs').Trial }[]} */
  const trials = [];
  const sink = await startSink(room);
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const scenario of scenarios) {
        for (const contender of rotated(names, round)) {
          progress(`round ${round + 1} of ${rounds}, ${scenario.scenario}, ${contender}`);
          const trial = await runTrial({ contender, scenario, limitMs, sink, room });
          trials.push({ round, contender, scenario: scenario.scenario, trial });
        }
      }
    }
  } finally {
    await sink.end();
  }
  const summary = scenarios.map(({ scenario }) => ({
    scenario,
    contenders: names.map((contender) => summarise(contender, trialsOf(trials, scenario), limitMs)),
  }));
  const versions = versionsOf();
  return { versions, sizes, summary, trials, tables: tablesOf(summary, versions, sizes) };
}

/** @returns {import('./trial.mjs').Scenario[]} */
function scenariosOf({ callBurstCount, burstsEventCount, tickEventCount }) {
  return [
    { scenario: 'calls', burstCount: callBurstCount, wantedCount: callBurstCount * CALLS_A_BURST },
    { scenario: 'bursts', eventCount: burstsEventCount, wantedCount: burstsEventCount },
    { scenario: 'tick', eventCount: tickEventCount, wantedCount: tickEventCount },
  ];
}

function trialsOf(trials, scenario) {
  return trials.filter((entry) => entry.scenario === scenario);
}

function summarise(contender, entries, limitMs) {
  const own = entries.filter((entry) => entry.contender === contender);
  const floors = new Map(
    entries.filter((entry) => entry.contender === 'floor').map(({ round, trial }) => [round, trial]),
  );
  const mid = (read) => median(own.map(({ trial, round }) => read(trial, floors.get(round))));
  return {
    contender,
    note: noteOf(own, limitMs),
    callCpuUs: mid(callCpuUs),
    callCpuRatio: mid((trial, floor) => callCpuUs(trial) / callCpuUs(floor)),
    deliveryCpuUs: mid(deliveryCpuUs),
    deliveryCpuRatio: mid((trial, floor) => deliveryCpuUs(trial) / deliveryCpuUs(floor)),
    deliveredPerSecond: mid(({ finished, deliveredCount, elapsedMs }) =>
      finished ? (deliveredCount / elapsedMs) * 1_000 : NaN,
    ),
    loopDelayP99Ms: mid(({ usage }) => usage?.loopDelayP99Ms ?? NaN),
    loopDelayMaxMs: mid(({ usage }) => usage?.loopDelayMaxMs ?? NaN),
    peakRssMb: mid(({ usage }) => (usage?.peakRssBytes ?? NaN) / 2 ** 20),
    lostPercent: mid(({ finished, lostCount, trackedCount }) =>
      finished ? (100 * lostCount) / trackedCount : NaN,
    ),
    duplicateCount: mid(({ duplicateCount }) => duplicateCount),
  };
}

function callCpuUs({ callCpuUs, trackedCount }) {
  return (callCpuUs ?? NaN) / trackedCount;
}

/** All CPU of the process from the first call on, divided by what arrived: what is dropped is no saving. */
function deliveryCpuUs({ finished, usage, deliveredCount }) {
  return finished && usage ? usage.cpuUs / deliveredCount : NaN;
}

function noteOf(own, limitMs) {
  const failed = own.find(({ trial }) => trial.failure);
  if (failed) return `failed: ${failed.trial.failure.split('\n', 1)[0]}`;
  const cut = own.find(({ trial }) => !trial.finished);
  if (!cut) return '';
  const { deliveredCount, wantedCount } = cut.trial;
  return `did not finish in ${limitMs / 1_000} s: ${number(deliveredCount, 0)} of ${number(wantedCount, 0)}`;
}

function tablesOf([calls, bursts, tick], versions, sizes) {
  const label = ({ contender }) =>
    contender in versions ? `${PACKAGES[contender]} ${versions[contender]}` : contender;
  const delivery = (row) => [
    label(row),
    number(row.deliveryCpuUs),
    times(row.deliveryCpuRatio),
    number(row.deliveredPerSecond, 0),
    number(row.loopDelayP99Ms),
    number(row.loopDelayMaxMs),
    number(row.peakRssMb, 0),
    row.lostPercent > 0 ? `${number(row.lostPercent, 1)} %` : number(row.lostPercent),
    number(row.duplicateCount, 0),
    row.note,
  ];
  const deliveryColumns = [
    '',
    'CPU µs/event',
    'to floor',
    'events/s',
    'loop p99 ms',
    'loop max ms',
    'peak MB',
    'lost',
    'twice',
    'note',
  ];
  return [
    table(
      `CPU of one track(), in bursts of 1,000 (${number(sizes.callBurstCount, 0)} bursts)`,
      ['', 'µs/call', 'to floor', 'note'],
      calls.contenders.map((row) => [label(row), number(row.callCpuUs), times(row.callCpuRatio), row.note]),
    ),
    table(
      `From call to delivery: ${number(sizes.burstsEventCount, 0)} events, 1,000 every 10 ms`,
      deliveryColumns,
      bursts.contenders.map(delivery),
    ),
    table(
      `From call to delivery: ${number(sizes.tickEventCount, 0)} events in one tick`,
      deliveryColumns,
      tick.contenders.map(delivery),
    ),
  ];
}

/** As installed, not as asked for. */
function versionsOf() {
  return Object.fromEntries(
    Object.entries(PACKAGES).map(([contender, name]) => {
      const folder = contender === 'millrace' ? '../../packages/node/' : `../node_modules/${name}/`;
      const file = new URL(`${folder}package.json`, import.meta.url);
      return [contender, JSON.parse(readFileSync(file, 'utf8')).version];
    }),
  );
}
