import { parseArgs } from 'node:util';

export const GROUPS = ['library', 'server', 'delivery', 'log', 'ledger'];

export const USAGE = `node bench/run.mjs [--quick] [--only library|server|delivery|log|ledger] [--cpu-prof] [--out <file>]

  --quick      small sizes, one round, under two minutes: does it work, not how fast is it
  --only       one group instead of all five
  --cpu-prof   a .cpuprofile of each measured process in bench/results/; slows what is measured
  --out        where the JSON goes; default bench/results/latest.json
`;

/** How much is measured. Times in milliseconds; a trial that passes its limit is cut off and says so. */
const FULL = {
  library: {
    rounds: 3,
    // Of 100 calls. After 20 of them all but the floor, which is ten lines, is still being compiled.
    warmUpRounds: 100,
    callBurstCount: 30,
    burstsEventCount: 100_000,
    tickEventCount: 50_000,
    endingEventCount: 1_000,
    crashEventCount: 1_000,
    limitMs: 60_000,
  },
  server: {
    rounds: 3,
    warmUpRequests: { single: 40_000, batch: 2_000 },
    // Of the disk alone, and of what latency is measured of.
    warmUpMs: 2_000,
    measureMs: 10_000,
    latencyMs: 20_000,
    drainLimitMs: 60_000,
  },
  delivery: {
    rounds: 3,
    warmUpCount: 2_000,
    eventCount: 5_000,
    limitMs: 120_000,
    isolation: { rounds: 10, warmUpCount: 200, eventCount: 600, eventsPerSecond: 200, limitMs: 30_000 },
  },
  log: {
    rounds: 3,
    hashCount: 50_000_000,
    eventCount: 500_000,
    knownCount: 50_000,
    logEventCount: 5_000_000,
    commitCount: 200,
  },
  ledger: { eventCount: 200_000 },
};

const QUICK = {
  library: {
    rounds: 1,
    warmUpRounds: 20,
    callBurstCount: 4,
    burstsEventCount: 10_000,
    tickEventCount: 10_000,
    endingEventCount: 1_000,
    crashEventCount: 1_000,
    limitMs: 2_500,
  },
  server: {
    rounds: 1,
    warmUpRequests: { single: 1_000, batch: 50 },
    warmUpMs: 300,
    measureMs: 1_000,
    latencyMs: 1_000,
    drainLimitMs: 10_000,
  },
  delivery: {
    rounds: 1,
    warmUpCount: 200,
    eventCount: 400,
    limitMs: 15_000,
    isolation: { rounds: 1, warmUpCount: 50, eventCount: 100, eventsPerSecond: 100, limitMs: 15_000 },
  },
  log: {
    rounds: 1,
    hashCount: 1_000_000,
    eventCount: 50_000,
    knownCount: 5_000,
    logEventCount: 50_000,
    commitCount: 20,
  },
  ledger: { eventCount: 5_000 },
};

/** @typedef {typeof FULL} Sizes */

/**
 * @param {string[]} argv
 * @throws {TypeError} An option that does not exist, or a group that does not.
 */
export function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      'cpu-prof': { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.only !== undefined && !GROUPS.includes(values.only)) {
    throw new TypeError(`--only ${values.only}: expected one of ${GROUPS.join(', ')}`);
  }
  return {
    help: values.help,
    quick: values.quick,
    groups: values.only === undefined ? GROUPS : [values.only],
    profiles: values['cpu-prof'],
    out: values.out,
    sizes: values.quick ? QUICK : FULL,
  };
}
