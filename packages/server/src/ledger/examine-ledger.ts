import { existsSync } from 'node:fs';
import { isJsonObject } from '@millrace/spec';
import type { Partition, Position } from '../log/log.ts';
import { quickCheck } from '../sqlite/quick-check.ts';
import { openSqlite, sqliteFault, type SqliteDatabase, type SqliteRow } from '../sqlite/sqlite.ts';
import { addNumber, type Range } from './ranges.ts';
import { LedgerVersionError, hasTables } from './schema.ts';

/** What a destination has in one partition. */
export interface ExaminedDestination {
  destinationId: string;
  partition: Partition;
  /** Absent where there are rows, and none says how far it got. */
  cursor?: Position;
  /** Of the events that must be in the log to be sent. */
  pending: Range[];
  deadCount: number;
  /** Positions of dead letters that cannot be read back. */
  unreadableDead: Position[];
}

export interface LedgerExamination {
  /** What SQLite says of the file; none: it is sound. */
  faults: string[];
  /** The ledger is of another version of Millrace, or none: nothing more was looked at. */
  refused?: string;
  destinations: ExaminedDestination[];
}

const PAGE_COUNT = 1_000;
/** Letters have an event of up to 32 KB each. */
const LETTER_PAGE_COUNT = 100;
const BUSY_TIMEOUT_MS = 5_000;

/** Reads all that the ledger needs to go on and changes nothing. Undefined: there is no file. */
export function examineLedger(path: string): LedgerExamination | undefined {
  if (!existsSync(path)) return undefined;
  const found: LedgerExamination = { faults: [], destinations: [] };
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(path, { mode: 'read', busyTimeoutMs: BUSY_TIMEOUT_MS });
    const opened = db;
    opened.transaction('DEFERRED', () => {
      found.faults = quickCheck(opened);
      if (hasTables(opened, path)) found.destinations = destinationsIn(opened);
    });
  } catch (error) {
    if (error instanceof LedgerVersionError) found.refused = error.message;
    else {
      const fault = sqliteFault(error);
      if (fault === undefined) throw error;
      if (!found.faults.includes(fault)) found.faults.push(fault);
    }
  } finally {
    db?.close();
  }
  return found;
}

function destinationsIn(db: SqliteDatabase): ExaminedDestination[] {
  const found = new Map<string, ExaminedDestination>();
  const of = ({ destination, partition }: SqliteRow): ExaminedDestination => {
    const key = JSON.stringify([destination, partition]);
    let examined = found.get(key);
    if (!examined) {
      examined = {
        destinationId: String(destination),
        partition: Number(partition),
        pending: [],
        deadCount: 0,
        unreadableDead: [],
      };
      found.set(key, examined);
    }
    return examined;
  };
  for (const row of rowsOf(db, 'cursor', 'destination, partition, position', ['destination', 'partition'])) {
    of(row).cursor = Number(row['position']);
  }
  const key = ['destination', 'partition', 'position'];
  const waiting = 'destination, partition, position, event IS NULL AS in_log';
  for (const row of rowsOf(db, 'pending', waiting, key)) {
    if (row['in_log'] === 1) addNumber(of(row).pending, Number(row['position']));
  }
  const letter = 'destination, partition, position, event';
  for (const row of rowsOf(db, 'dead', letter, key, LETTER_PAGE_COUNT)) {
    const examined = of(row);
    examined.deadCount++;
    if (!isReadable(row)) examined.unreadableDead.push(Number(row['position']));
  }
  return [...found.values()];
}

/** All rows in the order of the key, a page at a time. */
function* rowsOf(
  db: SqliteDatabase,
  table: string,
  columns: string,
  key: readonly string[],
  pageCount = PAGE_COUNT,
): Generator<SqliteRow> {
  const places = key.map(() => '?').join(', ');
  const order = `ORDER BY ${key.join(', ')} LIMIT ${pageCount}`;
  const first = db.prepare(`SELECT ${columns} FROM ${table} ${order}`);
  const after = db.prepare(
    `SELECT ${columns} FROM ${table} WHERE (${key.join(', ')}) > (${places}) ${order}`,
  );
  let page = first.all();
  for (;;) {
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < pageCount) return;
    page = after.all(...key.map((column) => last[column] ?? null));
  }
}

/** The id is not compared with that of its column: libsql cuts text at a NUL. */
function isReadable({ event }: SqliteRow): boolean {
  if (!Buffer.isBuffer(event)) return false;
  try {
    const letter: unknown = JSON.parse(event.toString('utf8'));
    return isJsonObject(letter) && typeof letter['messageId'] === 'string';
  } catch {
    return false;
  }
}
