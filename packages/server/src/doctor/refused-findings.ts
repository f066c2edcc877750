import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { quickCheck } from '../sqlite/quick-check.ts';
import { openSqlite, sqliteFault, type SqliteDatabase } from '../sqlite/sqlite.ts';
import type { Finding } from './finding.ts';

const BUSY_TIMEOUT_MS = 5_000;

/** What was refused is for people to read; nothing depends on it. */
export function refusedFindings(dataDir: string): Finding[] {
  const file = 'refused.db';
  const path = join(dataDir, file);
  if (!existsSync(path)) return [];
  const fault = faultIn(path);
  if (fault === undefined) return [{ state: 'ok', file, message: 'sound' }];
  const advice = 'with the server stopped, move it away: the next start makes a new one';
  return [{ state: 'damaged', file, message: fault, advice }];
}

function faultIn(path: string): string | undefined {
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(path, { mode: 'read', busyTimeoutMs: BUSY_TIMEOUT_MS });
    return quickCheck(db)[0];
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault === undefined) throw error;
    return fault;
  } finally {
    db?.close();
  }
}
