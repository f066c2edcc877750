import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { environment } from './environment.mjs';
import { measureDelivery } from './delivery/delivery.mjs';
import { measureLedger } from './ledger/ledger.mjs';
import { measureLibrary } from './library/library.mjs';
import { measureLog } from './log/log.mjs';
import { USAGE, readOptions } from './options.mjs';
import { measureServer } from './server/server.mjs';

const MEASURE = {
  library: measureLibrary,
  server: measureServer,
  delivery: measureDelivery,
  log: measureLog,
  ledger: measureLedger,
};

/** What is measured is what users get. */
const BUILDS = ['../packages/node/dist/index.cjs', '../packages/server/dist/cli.js'];

// So that the children are ended by the handler of `exit`.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const options = optionsOrExit();
const unbuilt = BUILDS.find((path) => !existsSync(new URL(path, import.meta.url)));
if (unbuilt !== undefined) exitWith(`${unbuilt} is missing; run "npm run build" in the workspace first\n`);
await run();

function optionsOrExit() {
  try {
    const read = readOptions(process.argv.slice(2));
    if (read.help) {
      print(USAGE);
      process.exit(0);
    }
    return read;
  } catch (error) {
    return exitWith(`${error.message}\n\n${USAGE}`);
  }
}

/** @param {string} words */
function exitWith(words) {
  process.stderr.write(words);
  process.exit(1);
}

async function run() {
  const resultsDir = join(import.meta.dirname, 'results');
  await mkdir(resultsDir, { recursive: true });
  // Below bench/, so that what is synced goes to a disk: /tmp is memory on many machines.
  const dir = await mkdtemp(join(resultsDir, 'run-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const room = { dir, profileDir: options.profiles ? resultsDir : undefined };

  const results = { environment: environment(), quick: options.quick, profiled: options.profiles };
  print(`${describe(results)}\n`);
  for (const group of options.groups) {
    const startedMs = performance.now();
    const { tables, ...measured } = await MEASURE[group]({
      sizes: options.sizes[group],
      room,
      progress: (words) => process.stderr.write(`${group}: ${words}\n`),
    });
    results[group] = measured;
    for (const text of tables) print(text);
    process.stderr.write(`${group}: ${Math.round((performance.now() - startedMs) / 1_000)} s\n`);
  }
  const out = options.out === undefined ? join(resultsDir, 'latest.json') : resolve(options.out);
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, `${JSON.stringify(results, null, 2)}\n`);
  print(`\n${out}\n`);
}

function describe({ environment: at, quick, profiled }) {
  const caveats = [
    quick && 'QUICK RUN: shows that it works, not how fast it is',
    profiled && 'PROFILED: slower',
  ];
  return [
    `${at.date}, commit ${at.commit}, Node ${at.node}, ${at.platform}`,
    `${at.cpu}, ${at.coreCount} cores, ${at.memoryGb} GB, load ${at.loadAtStart.toFixed(2)} at the start`,
    ...caveats.filter(Boolean),
  ].join('\n');
}

function print(text) {
  process.stdout.write(text);
}
