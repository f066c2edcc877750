import { join } from 'node:path';
import { build } from 'rolldown';
import { startChild } from '../processes.mjs';
import { number, table } from '../table.mjs';

/** Slow, so that counts grow old in the time of the trial. */
const EVENTS_A_SECOND = 10;

const CONTENDERS = [
  { name: 'requests of 100 events', batchCount: 100, hasAttempts: true },
  { name: '… attempts not recorded', batchCount: 100, hasAttempts: false },
  { name: '… each event of another name', batchCount: 100, hasAttempts: true, nameCount: 100_000 },
  { name: 'an event a request', batchCount: 1, hasAttempts: true },
  { name: '… attempts not recorded', batchCount: 1, hasAttempts: false },
];

/**
 * How fast the ledger grows: eight destinations of which six filter everything.
 * @param {{ sizes: import('../options.mjs').Sizes['ledger'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureLedger({ sizes, room, progress }) {
  const bundle = join(room.dir, 'ledger-parts.mjs');
  await build({
    input: join(import.meta.dirname, 'parts.mjs'),
    platform: 'node',
    external: ['libsql'],
    output: { file: bundle, format: 'esm' },
    logLevel: 'silent',
  });
  const grown = [];
  for (const [index, { name, ...contender }] of CONTENDERS.entries()) {
    progress(`${index + 1} of ${CONTENDERS.length}`);
    const child = startChild('ledger/growth.mjs', `ledger-${index}`, room);
    try {
      const dir = join(room.dir, `ledger-${index}`);
      const question = { eventsPerSecond: EVENTS_A_SECOND, nameCount: 40, ...contender };
      grown.push({ name, ...question, ...(await child.ask('grow', { bundle, dir, ...sizes, ...question })) });
    } finally {
      await child.end();
    }
  }
  return { sizes, grown, tables: [growthTable(grown, sizes)] };
}

function growthTable(grown, { eventCount }) {
  const hours = eventCount / EVENTS_A_SECOND / 3_600;
  const perMillion = (bytes) => number(bytes / eventCount);
  const tables = ['attempt', 'attempt_block', 'decision'];
  return table(
    `ledger.db, in MB a million events: six destinations filter all, two get all (${number(eventCount, 0)} events in ${number(hours)} hours)`,
    ['', 'without counts', ...tables, 'counts, MB in all', 'CPU µs/commit'],
    grown.map(({ name, size, bytes, cpuUs }) => [
      name,
      perMillion(size - countBytes(bytes)),
      ...tables.map((each) => perMillion(bytes[each] + (bytes[`${each}_failed`] ?? 0))),
      number(countBytes(bytes) / 1e6),
      number(cpuUs),
    ]),
  );
}

/** The table and the index of its key. */
function countBytes(bytes) {
  return bytes.counter + bytes.sqlite_autoindex_counter_1;
}
