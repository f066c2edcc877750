import { existsSync } from 'node:fs';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import { openSqlite, type SqliteDatabase } from '../sqlite/sqlite.ts';
import { readerOf, type RefusedReader } from './refused-store.ts';
import { hasTable } from './schema.ts';

const BUSY_TIMEOUT_MS = 1_000;

/**
 * Reads what was refused, in any process, while the server writes it. Before there is a file there is nothing.
 * @throws {RefusedFileError} From each method: the file was written by another version of Millrace.
 */
export function openRefusedReader(path: string, driver?: SqliteDriver): RefusedReader {
  let db: SqliteDatabase | undefined;
  const database = (): SqliteDatabase | undefined => {
    if (!db && existsSync(path))
      db = openSqlite(path, { mode: 'read', busyTimeoutMs: BUSY_TIMEOUT_MS }, driver);
    return db && hasTable(db, path) ? db : undefined;
  };
  return {
    ...readerOf(database),
    close() {
      db?.close();
      db = undefined;
    },
  };
}
