import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'rolldown';
import { startChild } from '../processes.mjs';
import { median } from '../stats.mjs';
import { number, table, times } from '../table.mjs';

const EVENTS_PER_COMMIT = [20, 100, 500];

/**
 * What the log does that no request shows by itself: telling duplicates from a day of events, merging what they are
 * told by, and starting with millions of events.
 * @param {{ sizes: import('../options.mjs').Sizes['log'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureLog({ sizes, room, progress }) {
  const bundle = join(room.dir, 'log-parts.mjs');
  await build({
    input: join(import.meta.dirname, 'parts.mjs'),
    platform: 'node',
    output: { file: bundle, format: 'esm' },
    logLevel: 'silent',
  });
  const appends = await measureAppends({ sizes, room, bundle, progress });
  const lookups = await measureLookups({ sizes, room, bundle, progress });
  const starts = await measureStarts({ sizes, room, bundle, progress });
  const searches = await measureSearches({ sizes, room, bundle, progress });
  const tables = [appendTable(appends), ...lookupTables(lookups), startTable(starts), searchTable(searches)];
  return { sizes, appends, lookups, starts, searches, tables };
}

async function measureAppends({ sizes, room, bundle, progress }) {
  const dir = join(room.dir, 'appends');
  const child = startChild('log/appends.mjs', 'log-appends', room);
  try {
    const measured = [];
    for (const eventsPerCommit of EVENTS_PER_COMMIT) {
      progress(`commits of ${eventsPerCommit} events`);
      measured.push(
        await child.ask('commits', { bundle, dir, eventsPerCommit, commitCount: sizes.commitCount }),
      );
    }
    return measured;
  } finally {
    await child.end();
    await rm(dir, { recursive: true, force: true });
  }
}

function appendTable(measured) {
  return table(
    'A commit of the log beside write + fdatasync of the same JSON, one at a time',
    ['events a commit', 'write + fdatasync', 'log', 'of the throughput', 'turns'],
    measured.map(({ eventsPerCommit, floorMs, oursMs, ratio, lowest, highest }) => [
      number(eventsPerCommit, 0),
      `${number(floorMs)} ms`,
      `${number(oursMs)} ms`,
      times(ratio),
      `${times(lowest)} to ${times(highest)}`,
    ]),
  );
}

async function measureLookups({ sizes, room, bundle, progress }) {
  const dir = join(room.dir, 'dedupe');
  await mkdir(dir);
  const child = startChild('log/lookups.mjs', 'log-lookups', room);
  try {
    progress(`writing runs of ${sizes.hashCount} hashes`);
    const made = await child.ask('prepare', { bundle, dir, hashCount: sizes.hashCount });
    const trials = [];
    for (let round = 0; round < sizes.rounds; round += 1) {
      progress(`round ${round + 1} of ${sizes.rounds}`);
      const windows = round % 2 === 0 ? ['empty', 'full'] : ['full', 'empty'];
      const trial = {};
      for (const window of windows)
        trial[window] = await child.ask('look', { window, eventCount: sizes.eventCount });
      trial.known = await child.ask('known', { eventCount: sizes.knownCount });
      trials.push(trial);
    }
    progress('merging');
    const merge = await child.ask('merge', { dir });
    return { made, trials, merge };
  } finally {
    await child.end();
    await rm(dir, { recursive: true });
  }
}

async function measureStarts({ sizes, room, bundle, progress }) {
  const dir = join(room.dir, 'starts');
  const question = { bundle, dir };
  try {
    progress(`writing a log of ${sizes.logEventCount} events`);
    const written = await inChild('fill', { ...question, eventCount: sizes.logEventCount });
    const trials = [];
    for (let round = 0; round < sizes.rounds; round += 1) {
      progress(`start ${round + 1} of ${sizes.rounds}`);
      trials.push(await inChild('open', question));
    }
    await rm(join(dir, 'dedupe'), { recursive: true });
    return { written, trials, withoutRuns: await inChild('open', question) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }

  async function inChild(type, asked) {
    const child = startChild('log/starts.mjs', `log-${type}`, room);
    try {
      return await child.ask(type, asked);
    } finally {
      await child.end();
    }
  }
}

async function measureSearches({ sizes, room, bundle, progress }) {
  const dir = join(room.dir, 'searches');
  const child = startChild('log/searches.mjs', 'log-search', room);
  try {
    progress(`searching ${sizes.logEventCount} events`);
    return await child.ask('search', { bundle, dir, eventCount: sizes.logEventCount });
  } finally {
    await child.end();
    await rm(dir, { recursive: true, force: true });
  }
}

function searchTable({
  sealedCount,
  fileCount,
  buildMsPerMillion,
  buildCpuUs,
  bytesPerEvent,
  looks,
  textPerSecond,
}) {
  return table(
    `Search in ${number(sealedCount, 0)} events of ${fileCount} sealed segments`,
    ['', ''],
    [
      ['making the index, without its pauses, a million', `${number(buildMsPerMillion / 1_000)} s`],
      ['… CPU of all threads', `${number(buildCpuUs)} µs/event`],
      ['index files', `${number(bytesPerEvent)} bytes/event`],
      ['a messageId that is not there', look(looks.unknown)],
      ['a messageId, its segment not read before', look(looks.messageIdCold)],
      ['a messageId, its segment read before', look(looks.messageId)],
      ['20 events of a user', look(looks.userId)],
      ['50 events by name within 20 s', look(looks.eventAndTime)],
      ['text that is nowhere', `${number(textPerSecond, 0)} events/s`],
    ],
  );
}

function lookupTables({ made, trials, merge }) {
  const of = (pick) => median(trials.map(pick));
  const rows = [
    ['empty window', (trial) => trial.empty],
    [`${number(made.hashCount, 0)} in ${made.runCount} runs`, (trial) => trial.full],
    ['… and every event is one of them', (trial) => trial.known],
  ].map(([name, pick]) => [
    name,
    number(of((trial) => pick(trial).cpuUs)),
    number(of((trial) => pick(trial).cpuUs - trial.empty.cpuUs)),
    times(of((trial) => pick(trial).cpuUs / trial.empty.cpuUs)),
    `${number(100 * of((trial) => pick(trial).askedShare))} %`,
  ]);
  return [
    table(
      'Is an event a duplicate: CPU of all threads, hash excluded',
      ['', 'CPU µs/event', 'over empty', 'to empty', 'asked of the disk'],
      rows,
    ),
    table(
      'What duplicates are told by',
      ['', 'value'],
      [
        ['memory of the runs', `${number(made.memoryBytes / 1e6)} MB`],
        ['… for each hash', `${number((8 * made.memoryBytes) / made.hashCount)} bits`],
        ['memory of the active table, a full segment', `${number(made.tableBytesPerHash)} bytes a hash`],
        ['adding a hash to the active table', `${number(made.tableAddUs)} µs`],
        ['merging, CPU', `${number(merge.cpuUs)} µs a hash`],
        ['longest pause of the loop while merging', `${number(merge.loopMaxMs)} ms`],
        ['… 99 % are below', `${number(merge.loopP99Ms)} ms`],
      ],
    ),
  ];
}

function startTable({ written, trials, withoutRuns }) {
  return table(
    `Start with ${number(written.eventCount, 0)} events in ${written.rangeCount} segments (${number(written.bytes / 1e9)} GB)`,
    ['', 'ms', 'events of the active segment read'],
    [
      [
        'as it was left',
        number(median(trials.map(({ elapsedMs }) => elapsedMs))),
        number(written.activeCount, 0),
      ],
      ['without any run', number(withoutRuns.elapsedMs), `${number(written.eventCount, 0)}, all`],
    ],
  );
}

function look({ medianMs, maxMs }) {
  return `${number(medianMs)} ms, at most ${number(maxMs)}`;
}
