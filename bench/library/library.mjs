import { readFileSync } from 'node:fs';
import { median, rotated } from '../stats.mjs';
import { number, table, times } from '../table.mjs';
import { ADAPTERS, PACKAGES } from './adapters/adapter.mjs';
import { runEndingTrial } from './ending-trial.mjs';
import { runTrial, startSink } from './trial.mjs';

const CALLS_A_BURST = 1_000;

/**
 * The library beside its peers and beside the floor. Each round runs every contender in every scenario; ratios
 * are formed within a round, then the median is taken.
 * @param {{ sizes: import('../options.mjs').Sizes['library'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureLibrary({ sizes, room, progress }) {
  const { rounds, warmUpRounds, limitMs } = sizes;
  const scenarios = scenariosOf(sizes);
  const names = Object.keys(ADAPTERS);
  /** @type {{ round: number, contender: string, scenario: string, trial: import('./trial.mjs').Trial }[]} */
  const trials = [];
  /** @type {{ contender: string, trial: import('./ending-trial.mjs').EndingTrial }[]} */
  const endings = [];
  const sink = await startSink(room);
  try {
    for (let round = 0; round < rounds; round += 1) {
      for (const scenario of scenarios) {
        for (const contender of rotated(names, round)) {
          progress(`round ${round + 1} of ${rounds}, ${scenario.scenario}, ${contender}`);
          const trial = await runTrial({ contender, scenario, warmUpRounds, limitMs, sink, room });
          trials.push({ round, contender, scenario: scenario.scenario, trial });
        }
      }
      for (const contender of rotated(names, round)) {
        progress(`round ${round + 1} of ${rounds}, ending, ${contender}`);
        const { endingEventCount: eventCount } = sizes;
        endings.push({
          contender,
          trial: await runEndingTrial({ contender, eventCount, limitMs, sink, room }),
        });
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
  const tables = [...tablesOf(summary, versions, sizes), endingTable(endings, names, versions, sizes)];
  return { versions, sizes, summary, trials, endings, tables };
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
    loopDelayP99Ms: mid(loopDelayP99Ms),
    loopDelayP99Ratio: mid((trial, floor) => loopDelayP99Ms(trial) / loopDelayP99Ms(floor)),
    loopDelayMaxMs: mid(({ usage }) => usage?.loopDelayMaxMs ?? NaN),
    peakRssMb: mid((trial) => peakRssBytes(trial) / 2 ** 20),
    peakRssRatio: mid((trial, floor) => peakRssBytes(trial) / peakRssBytes(floor)),
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

function loopDelayP99Ms({ usage }) {
  return usage?.loopDelayP99Ms ?? NaN;
}

function peakRssBytes({ usage }) {
  return usage?.peakRssBytes ?? NaN;
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
  const label = ({ contender }) => labelOf(contender, versions);
  const delivery = (row) => [
    label(row),
    number(row.deliveryCpuUs),
    times(row.deliveryCpuRatio),
    number(row.deliveredPerSecond, 0),
    number(row.loopDelayP99Ms),
    times(row.loopDelayP99Ratio),
    number(row.loopDelayMaxMs),
    number(row.peakRssMb, 0),
    times(row.peakRssRatio),
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
    'to floor',
    'loop max ms',
    'peak MB',
    'to floor',
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

function endingTable(endings, names, versions, { endingEventCount, limitMs }) {
  const rows = names.map((contender) => {
    const own = endings.filter((entry) => entry.contender === contender).map(({ trial }) => trial);
    const held = own.every(({ heldMs }) => heldMs !== undefined);
    return [
      labelOf(contender, versions),
      number(held ? median(own.map(({ heldMs }) => heldMs / 1_000)) : NaN),
      `${number(median(own.map(({ eventCount, deliveredCount }) => (100 * deliveredCount) / eventCount)), 1)} %`,
      held ? '' : `still there after ${limitMs / 1_000} s`,
    ];
  });
  const title = `A program that ends without a flush: ${number(endingEventCount, 0)} events, then nothing to do`;
  return table(title, ['', 'gone after s', 'delivered', 'note'], rows);
}

function labelOf(contender, versions) {
  return contender in versions ? `${PACKAGES[contender]} ${versions[contender]}` : contender;
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
