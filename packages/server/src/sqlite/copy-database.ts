import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { SqliteDriver } from './drivers.ts';
import { openSqlite } from './sqlite.ts';

const BUSY_TIMEOUT_MS = 5_000;

/**
 * Copies a database as one of its commits has left it, also while another process writes it, which is not held up. On disk
 * when it returns; the name is not. Copying the files would not do: between two of them pages move from one to the other.
 * @param to A file that does not exist.
 */
export function copyDatabase(path: string, to: string, driver?: SqliteDriver): void {
  const db = openSqlite(path, { mode: 'copy', busyTimeoutMs: BUSY_TIMEOUT_MS }, driver);
  try {
    db.prepare('VACUUM INTO ?').run(to);
  } finally {
    db.close();
  }
  const file = openSync(to, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
