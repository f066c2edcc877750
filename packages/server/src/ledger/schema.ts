import { basename } from 'node:path';
import { blocksOf } from './decision-block.ts';
import { parseRanges } from './ranges.ts';
import type { SqliteDatabase } from '../sqlite/sqlite.ts';

/** Grows with every change of the tables below. */
export const SCHEMA_VERSION = 4;

/** The file was written by another version of Millrace, or by something else. */
export class LedgerVersionError extends Error {
  override readonly name = 'LedgerVersionError';
  readonly code = 'ledger_version';
}

// One row a request, a run of decisions, or an event that still matters (pending, dead); never a
// row for every event and destination.
const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE cursor (
    destination TEXT, partition INTEGER, position INTEGER NOT NULL,
    PRIMARY KEY (destination, partition)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE state (destination TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE pending (
    destination TEXT, partition INTEGER, position INTEGER,
    attempt_count INTEGER NOT NULL, first_attempt_at_ms INTEGER, not_before_ms INTEGER NOT NULL,
    code TEXT, resume TEXT,
    PRIMARY KEY (destination, partition, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE dead (
    destination TEXT, partition INTEGER, position INTEGER,
    message_id TEXT NOT NULL, code TEXT NOT NULL, attempt_count INTEGER NOT NULL,
    died_at_ms INTEGER NOT NULL, event BLOB NOT NULL,
    PRIMARY KEY (destination, partition, position)
  ) STRICT;

  CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, destination TEXT NOT NULL, partition INTEGER NOT NULL,
    started_at_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, code TEXT NOT NULL,
    positions TEXT NOT NULL
  ) STRICT;
  CREATE INDEX attempt_failed ON attempt (destination, id) WHERE code <> 'delivered';

  CREATE TABLE decision (
    destination TEXT, partition INTEGER, block INTEGER, outcomes TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, partition, block)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE total (
    destination TEXT, outcome TEXT, code TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (destination, outcome, code)
  ) STRICT, WITHOUT ROWID;
`;

// In which blocks of positions an attempt has events: what finds the attempts of one event.
const ADDED_IN_2 = `
  CREATE TABLE attempt_block (
    partition INTEGER, block INTEGER, destination TEXT, attempt_id INTEGER,
    PRIMARY KEY (partition, block, destination, attempt_id)
  ) STRICT, WITHOUT ROWID;
`;

// What events came to, by time. `width` and `minute` are minutes, one or the sixty of an hour; `names` is JSON, a count for
// each name, and `count` their sum. One row for all names: a commit has many. With a rowid, since a row of
// more than a quarter of a page would have another page of its own without.
const ADDED_IN_3 = `
  CREATE TABLE counter (
    width INTEGER, destination TEXT, minute INTEGER, step TEXT, code TEXT,
    count INTEGER NOT NULL, names TEXT NOT NULL,
    PRIMARY KEY (width, destination, minute, step, code)
  ) STRICT;
`;

// A dead letter can be found and tried again. Everything that letters are found by stands in the index, so that those
// which are not meant cost no look at their rows, which hold the events.
const ADDED_IN_4 = `
  ALTER TABLE pending ADD COLUMN event BLOB;
  ALTER TABLE dead ADD COLUMN event_name TEXT;
  ALTER TABLE dead ADD COLUMN exchange TEXT;
  CREATE INDEX dead_listed ON dead (died_at_ms, destination, partition, position, code, event_name);

  CREATE TABLE dead_retry (
    destination TEXT, partition INTEGER, position INTEGER, asked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (destination, partition, position)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * Makes the tables in an empty file, or brings an older one's up to date. Call it inside a transaction.
 * @throws {LedgerVersionError} The file holds tables of an unknown version.
 */
export function createTables(db: SqliteDatabase, path: string, nowMs: number): void {
  const found = foundVersion(db, path);
  if (found === SCHEMA_VERSION) return;
  if (found !== undefined && found >= 1 && found < SCHEMA_VERSION) {
    if (found < 2) migrateFrom1(db, nowMs);
    if (found < 3) db.exec(ADDED_IN_3);
    migrateFrom3(db);
    db.prepare("UPDATE meta SET value = ? WHERE key = 'schema_version'").run(SCHEMA_VERSION);
    return;
  }
  if (found !== undefined) throw unknownVersion(path, found);
  db.exec(TABLES);
  db.exec(ADDED_IN_2);
  db.exec(ADDED_IN_3);
  db.exec(ADDED_IN_4);
  const put = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
  put.run('schema_version', SCHEMA_VERSION);
  put.run('epoch', 0);
}

/**
 * Whether the ledger's tables are there; an empty file is one whose writer is about to make them.
 * @throws {LedgerVersionError} There are others.
 */
export function hasTables(db: SqliteDatabase, path: string): boolean {
  const found = foundVersion(db, path);
  if (found === undefined) return false;
  if (found === SCHEMA_VERSION) return true;
  throw unknownVersion(path, found);
}

/** Undefined for an empty file. */
function foundVersion(db: SqliteDatabase, path: string): number | undefined {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 1000").all();
  if (tables.length === 0) return undefined;
  const found = tables.some(({ name }) => name === 'meta') ? metaValue(db, 'schema_version') : undefined;
  if (found === undefined) throw new LedgerVersionError(`${basename(path)} is not a ledger of Millrace`);
  return found;
}

function unknownVersion(path: string, found: number): LedgerVersionError {
  const hint = found < SCHEMA_VERSION ? '; starting the server brings it up to date' : '';
  return new LedgerVersionError(
    `${basename(path)} has schema version ${found}, this version of Millrace reads ${SCHEMA_VERSION}${hint}`,
  );
}

const MIGRATION_PAGE_COUNT = 1_000;

function migrateFrom1(db: SqliteDatabase, nowMs: number): void {
  db.exec(ADDED_IN_2);
  db.exec('ALTER TABLE decision ADD COLUMN changed_at_ms INTEGER NOT NULL DEFAULT 0');
  // Their age is not known: they stay as long as what is decided now.
  db.prepare('UPDATE decision SET changed_at_ms = ?').run(Math.round(nowMs));
  const page = db.prepare(
    'SELECT id, destination, partition, positions FROM attempt WHERE id > ? ORDER BY id LIMIT ?',
  );
  const put = db.prepare(
    'INSERT INTO attempt_block (partition, block, destination, attempt_id) VALUES (?, ?, ?, ?)',
  );
  let lastId = -1;
  for (;;) {
    const rows = page.all(lastId, MIGRATION_PAGE_COUNT);
    for (const { id, destination, partition, positions } of rows) {
      for (const block of blocksOf(parseRanges(String(positions)))) {
        put.run(partition ?? 0, block, destination ?? '', id ?? 0);
      }
      lastId = Number(id);
    }
    if (rows.length < MIGRATION_PAGE_COUNT) break;
  }
}

function migrateFrom3(db: SqliteDatabase): void {
  db.exec(ADDED_IN_4);
  // As eventNameOf in the router says it.
  db.exec(`
    UPDATE dead SET event_name = CASE json_extract(CAST(event AS TEXT), '$.type')
      WHEN 'track' THEN json_extract(CAST(event AS TEXT), '$.event')
      ELSE json_extract(CAST(event AS TEXT), '$.name') END
    WHERE json_valid(CAST(event AS TEXT))
      AND json_extract(CAST(event AS TEXT), '$.type') IN ('track', 'page', 'screen')`);
}

export function metaValue(db: SqliteDatabase, key: 'schema_version' | 'epoch'): number | undefined {
  const value = db.prepare('SELECT value FROM meta WHERE key = ?').all(key)[0]?.['value'];
  return typeof value === 'number' ? value : undefined;
}
