import { readFileSync } from 'node:fs';
import { median, rotated } from '../stats.mjs';
import { number } from '../table.mjs';
import { ADAPTERS, PACKAGES } from './adapters/adapter.mjs';
import { runCrashTrial } from './crash-trial.mjs';
import { runEndingTrial } from './ending-trial.mjs';
import { tablesOf } from './tables.mjs';
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
  /** @type {{ contender: string, trial: import('./crash-trial.mjs').CrashTrial }[]} */
  const crashes = [];
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
        progress(`round ${round + 1} of ${rounds}, ending and crash, ${contender}`);
        const { endingEventCount, crashEventCount } = sizes;
        const ending = { contender, eventCount: endingEventCount, limitMs, sink, room };
        endings.push({ contender, trial: await runEndingTrial(ending) });
        const crash = { contender, eventCount: crashEventCount, sink, room };
        crashes.push({ contender, trial: await runCrashTrial(crash) });
      }
    }
  } finally {
    await sink.end();
  }
  const summary = scenarios.map(({ scenario }) => ({
    scenario,
    contenders: names.map((contender) => summarise(contender, trialsOf(trials, scenario), limitMs)),
  }));
  const measured = { versions: versionsOf(), sizes, summary, endings, crashes };
  return { ...measured, trials, tables: tablesOf(measured) };
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
  const byRound = (name) =>
    new Map(entries.filter((entry) => entry.contender === name).map(({ round, trial }) => [round, trial]));
  const floors = byRound('floor');
  const unspooled = byRound('millrace');
  const mid = (read) =>
    median(own.map(({ trial, round }) => read(trial, floors.get(round), unspooled.get(round))));
  return {
    contender,
    note: noteOf(own, limitMs),
    callCpuUs: mid(callCpuUs),
    callCpuRatio: mid((trial, floor) => callCpuUs(trial) / callCpuUs(floor)),
    deliveryCpuUs: mid(deliveryCpuUs),
    deliveryCpuRatio: mid((trial, floor) => deliveryCpuUs(trial) / deliveryCpuUs(floor)),
    deliveredPerSecond: mid(deliveredPerSecond),
    withoutSpoolRatio: mid(
      (trial, floor, unspooled) => deliveredPerSecond(trial) / deliveredPerSecond(unspooled),
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

function deliveredPerSecond({ finished, deliveredCount, elapsedMs }) {
  return finished ? (deliveredCount / elapsedMs) * 1_000 : NaN;
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

/** As installed, not as asked for. */
function versionsOf() {
  return Object.fromEntries(
    Object.entries(PACKAGES).map(([contender, name]) => {
      const folder = name === '@millrace/node' ? '../../packages/node/' : `../node_modules/${name}/`;
      const file = new URL(`${folder}package.json`, import.meta.url);
      return [contender, JSON.parse(readFileSync(file, 'utf8')).version];
    }),
  );
}
