import { basename } from 'node:path';
import type { SqliteDatabase } from './sqlite.ts';

/** Grows with every change of the tables below. */
export const SCHEMA_VERSION = 1;

/** The file was written by another version of Millrace, or by something else. */
export class LedgerVersionError extends Error {
  override readonly name = 'LedgerVersionError';
  readonly code = 'ledger_version';
}

// One row a request, a run of decisions, or an event that still matters (pending, dead); never a
// row for every event and destination. `attempt`, `decision` and `dead` are not pruned yet.
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
    PRIMARY KEY (destination, partition, block)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE total (
    destination TEXT, outcome TEXT, code TEXT, count INTEGER NOT NULL,
    PRIMARY KEY (destination, outcome, code)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * Makes the tables in an empty file. Call it inside a transaction.
 * @throws {LedgerVersionError} The file holds tables of another version.
 */
export function createTables(db: SqliteDatabase, path: string): void {
  if (hasTables(db, path)) return;
  db.exec(TABLES);
  const put = db.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
  put.run('schema_version', SCHEMA_VERSION);
  put.run('epoch', 0);
}

/**
 * Whether the ledger's tables are there; an empty file is one whose writer is about to make them.
 * @throws {LedgerVersionError} There are others.
 */
export function hasTables(db: SqliteDatabase, path: string): boolean {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0) return false;
  const found = tables.some(({ name }) => name === 'meta') ? metaValue(db, 'schema_version') : undefined;
  if (found === SCHEMA_VERSION) return true;
  throw new LedgerVersionError(
    found === undefined
      ? `${basename(path)} is not a ledger of Millrace`
      : `${basename(path)} has schema version ${found}, this version of Millrace reads ${SCHEMA_VERSION}`,
  );
}

export function metaValue(db: SqliteDatabase, key: 'schema_version' | 'epoch'): number | undefined {
  const value = db.prepare('SELECT value FROM meta WHERE key = ?').all(key)[0]?.['value'];
  return typeof value === 'number' ? value : undefined;
}
