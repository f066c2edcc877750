import { existsSync } from 'node:fs';
import type { DestinationTotals, LedgerReader } from './ledger.ts';
import { hasTables } from './schema.ts';
import { readEventCounts, readRequestTimes } from './sqlite-counts.ts';
import { readDeadLetter, readDeadLetters } from './sqlite-dead.ts';
import { readTraces } from './sqlite-trace.ts';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import { openSqlite } from '../sqlite/sqlite.ts';
import type { SqliteDatabase, SqliteRow } from '../sqlite/sqlite.ts';

/** Far above what destinations and codes there are; a page never reads more. */
const MAX_ROW_COUNT = 10_000;
/** A reader waits for nobody but a router that is just recovering the file after a crash. */
const BUSY_TIMEOUT_MS = 1_000;

/**
 * Reads a ledger, in any process, while the router writes it. Before there is a file it is empty.
 * @throws {LedgerVersionError} From each method: the file was written by another version of Millrace.
 */
export function openLedgerReader(path: string, driver?: SqliteDriver): LedgerReader {
  let db: SqliteDatabase | undefined;
  const database = (): SqliteDatabase | undefined => {
    if (!db && existsSync(path))
      db = openSqlite(path, { mode: 'read', busyTimeoutMs: BUSY_TIMEOUT_MS }, driver);
    return db;
  };
  /** Of one snapshot; `otherwise` where there is no ledger yet. */
  const ask = <T>(read: (opened: SqliteDatabase) => T, otherwise: T): T => {
    const opened = database();
    if (!opened) return otherwise;
    return opened.transaction('DEFERRED', () => (hasTables(opened, path) ? read(opened) : otherwise));
  };
  return {
    check: () => ask(() => undefined, undefined),
    totals: () => ask(readTotals, []),
    trace: (partition, position) => ask((opened) => readTraces(opened, partition, position), []),
    eventCounts: (query) => ask((opened) => readEventCounts(opened, query), { rows: [], isCut: false }),
    requestTimes: (query) => ask((opened) => readRequestTimes(opened, query), []),
    deadLetters: (filter, page) => ask((opened) => readDeadLetters(opened, filter, page), { letters: [] }),
    deadLetter: (place) => ask((opened) => readDeadLetter(opened, place), undefined),
    close() {
      db?.close();
      db = undefined;
    },
  };
}

function readTotals(db: SqliteDatabase): DestinationTotals[] {
  const byId = new Map<string, DestinationTotals>();
  const each = (sql: string, take: (totals: DestinationTotals, row: SqliteRow) => void): void => {
    for (const row of db.prepare(`${sql} LIMIT ${MAX_ROW_COUNT}`).all()) {
      const totals = byId.get(String(row['destination']));
      if (totals) take(totals, row);
    }
  };
  for (const row of db
    .prepare(`SELECT DISTINCT destination FROM cursor ORDER BY destination LIMIT ${MAX_ROW_COUNT}`)
    .all()) {
    const destinationId = String(row['destination']);
    byId.set(destinationId, {
      destinationId,
      deliveredCount: 0,
      reorderedCount: 0,
      filtered: {},
      dead: {},
      dropped: {},
      revived: {},
      pendingCount: 0,
      cursors: {},
    });
  }
  each('SELECT destination, partition, position FROM cursor', ({ cursors }, row) => {
    cursors[Number(row['partition'])] = Number(row['position']);
  });
  each('SELECT destination, outcome, code, count FROM total', (totals, row) => {
    const count = Number(row['count']);
    const outcome = String(row['outcome']);
    if (outcome === 'delivered') totals.deliveredCount = count;
    else if (outcome === 'reordered') totals.reorderedCount = count;
    else if (isByCode(outcome)) totals[outcome][String(row['code'])] = count;
  });
  each('SELECT destination, count(*) AS count FROM pending GROUP BY destination', (totals, row) => {
    totals.pendingCount = Number(row['count']);
  });
  each(LAST_FAILURES, (totals, row) => {
    totals.lastFailure = { atMs: Number(row['at_ms']), code: String(row['code']) };
  });
  return [...byId.values()].map((totals) => ({ ...totals, dead: stillDead(totals) }));
}

function isByCode(outcome: string): outcome is 'filtered' | 'dead' | 'dropped' | 'revived' {
  return ['filtered', 'dead', 'dropped', 'revived'].includes(outcome);
}

/** The rows count each death; one that is tried again is dead no more. */
function stillDead({ dead, revived }: DestinationTotals): Record<string, number> {
  const left = Object.entries(dead).map(([code, count]) => [code, count - (revived[code] ?? 0)] as const);
  return Object.fromEntries(left.filter(([, count]) => count > 0));
}

// One look into the partial index for each destination, however long the history.
const LAST_FAILURES = `
  SELECT destination, started_at_ms + duration_ms AS at_ms, code FROM attempt
  WHERE id IN (
    SELECT (SELECT max(id) FROM attempt WHERE attempt.destination = seen.destination AND code <> 'delivered')
    FROM (SELECT DISTINCT destination FROM cursor) AS seen
  )`;
