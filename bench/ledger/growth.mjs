import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { answer } from '../answers.mjs';

/** A process: a ledger that is told what became of events at eight destinations, as the router tells it. */

const FILTERING_COUNT = 6;
const DELIVERING_COUNT = 2;
/** As the router reads them. */
const BLOCK_COUNT = 1_000;
const IN_FLIGHT_COUNT = 8;
const MINUTE_MS = 60_000;
const RETAIN_MS = 7 * 24 * 3_600_000;

answer({
  /**
   * @param {{ bundle: string, dir: string, eventCount: number, eventsPerSecond: number, nameCount: number,
   *   batchCount: number, hasAttempts: boolean }} question `batchCount` events a request.
   */
  async grow(question) {
    const { bundle, dir, eventCount, eventsPerSecond, hasAttempts } = question;
    const { openLedger, openSqlite } = await import(bundle);
    await mkdir(dir, { recursive: true });
    const path = join(dir, 'ledger.db');
    let nowMs = Date.UTC(2026, 0, 1);
    const ledger = openLedger(path, undefined, { nowMs: () => nowMs });
    let tidiedMs = nowMs;
    let commitCount = 0;
    const commit = (settlement) => {
      ledger.commit({ partition: 0, pending: [], dead: [], ...settlement });
      commitCount += 1;
    };
    const cpu = process.cpuUsage();
    for (let from = 0; from < eventCount; from += BLOCK_COUNT) {
      const to = from + BLOCK_COUNT;
      nowMs += (1_000 * BLOCK_COUNT) / eventsPerSecond;
      for (let n = 0; n < FILTERING_COUNT; n += 1) {
        const code = n % 2 === 0 ? 'UNSUPPORTED_EVENT_TYPE' : 'FILTERED_BY_INTEGRATIONS_OBJECT';
        const decisions = positions(from, to).map((position) =>
          decision(position, 'filtered', code, question),
        );
        commit({ destinationId: `filtering-${n}`, cursor: to, decisions });
      }
      for (let n = 0; n < DELIVERING_COUNT; n += 1) {
        for (const batch of batches(from, to, question)) {
          const decisions = batch.map((position) => decision(position, 'delivered', '', question));
          const durationMs = 20 + ((batch[0] * 7_919) % 180);
          const attempt = {
            startedAtMs: nowMs - durationMs,
            durationMs,
            code: 'delivered',
            positions: batch,
          };
          commit({ destinationId: `webhook-${n}`, cursor: from, decisions, ...(hasAttempts && { attempt }) });
        }
      }
      if (nowMs - tidiedMs >= MINUTE_MS) {
        while (ledger.prune(RETAIN_MS));
        tidiedMs = nowMs;
      }
    }
    const { user, system } = process.cpuUsage(cpu);
    ledger.close();
    const db = openSqlite(path, { mode: 'read', busyTimeoutMs: 0 });
    const rowCounts = Object.fromEntries(
      ['attempt', 'attempt_block', 'decision', 'counter'].map((table) => [
        table,
        db.prepare(`SELECT count(*) AS count FROM ${table}`).all()[0].count,
      ]),
    );
    const bytes = bytesOfTables(db);
    const size = Object.values(bytes).reduce((sum, each) => sum + each, 0);
    db.close();
    return { size, rowCounts, bytes, commitCount, cpuUs: (user + system) / commitCount };
  },
});

function positions(from, to) {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** In the order in which they end: of eight at a time the last one first. */
function batches(from, to, { batchCount }) {
  const found = [];
  for (let first = from; first < to; first += batchCount) found.push(positions(first, first + batchCount));
  const ended = [];
  for (let index = 0; index < found.length; index += IN_FLIGHT_COUNT) {
    ended.push(...found.slice(index, index + IN_FLIGHT_COUNT).toReversed());
  }
  return ended;
}

/** A few names make up most events, as they do everywhere. */
function decision(position, outcome, code, { nameCount }) {
  const share = ((position * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
  return { position, outcome, code, eventName: `Checkout Step ${Math.floor(nameCount * share ** 3)} Done` };
}

function bytesOfTables(db) {
  const rows = db.prepare('SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name LIMIT 100').all();
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes]));
}
