import type { SqliteDatabase } from './sqlite.ts';

const MAX_FAULT_COUNT = 20;

/** What SQLite finds wrong with the structure of a file, none where it is sound; no values are in it. */
export function quickCheck(db: SqliteDatabase): string[] {
  const rows = db.prepare(`PRAGMA quick_check(${MAX_FAULT_COUNT})`).all();
  const lines = rows.flatMap((row) => String(Object.values(row)[0]).split('\n'));
  return lines.filter((line) => line !== 'ok' && line !== '');
}
