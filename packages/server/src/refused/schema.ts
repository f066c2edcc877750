import { basename } from 'node:path';
import type { SqliteDatabase } from '../sqlite/sqlite.ts';

/** `user_version` of the file; grows with every change of the table. */
const SCHEMA_VERSION = 1;

export const MOVE_AWAY = 'move it away to start without the refused events in it';

/** The file cannot be used: damaged, or written by another version of Millrace. The message names it and is safe to show. */
export class RefusedFileError extends Error {
  override readonly name = 'RefusedFileError';
  readonly code = 'refused_file';
}

/** Makes the table in an empty file. @throws {RefusedFileError} The file holds another one. */
export function createTable(db: SqliteDatabase, path: string): void {
  if (hasTable(db, path)) return;
  db.exec(`
    CREATE TABLE refused (
      id INTEGER PRIMARY KEY, received_at_ms INTEGER NOT NULL, code TEXT NOT NULL, size_bytes INTEGER NOT NULL,
      source_id TEXT, sdk TEXT, type TEXT, event_name TEXT, message_id TEXT, json TEXT
    ) STRICT;
    CREATE INDEX refused_code ON refused (code, id);
    CREATE INDEX refused_duplicate ON refused (message_id, id) WHERE code = 'duplicate';
    PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/** False for an empty file. @throws {RefusedFileError} */
export function hasTable(db: SqliteDatabase, path: string): boolean {
  const version = db.prepare('PRAGMA user_version').all()[0]?.['user_version'];
  if (version === SCHEMA_VERSION) return true;
  const tables = db.prepare('SELECT name FROM sqlite_schema LIMIT 1').all();
  if (tables.length === 0) return false;
  throw new RefusedFileError(
    `${basename(path)} has schema version ${String(version)}, this version of Millrace reads ${SCHEMA_VERSION}; ` +
      MOVE_AWAY,
  );
}
