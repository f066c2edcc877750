import { crc32 } from 'node:zlib';
import { quickCheck } from '../sqlite/quick-check.ts';
import { openSqlite, sqliteFault, type SqliteDatabase } from '../sqlite/sqlite.ts';
import { FORMAT_VERSION, isOfRange, type SealedRange } from './index-file.ts';

const PAGE_COUNT = 500;
const BUSY_TIMEOUT_MS = 1_000;

/** What is wrong with the index of a range, all of it read; undefined where it is sound. */
export function faultOfIndexFile(
  path: string,
  range: Pick<SealedRange, 'partition' | 'from' | 'to' | 'createdAtMs'>,
): string | undefined {
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(path, { mode: 'read', busyTimeoutMs: BUSY_TIMEOUT_MS });
    const [said] = quickCheck(db);
    if (said !== undefined) return said;
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 100").all();
    if (!['about', 'block', 'page'].every((table) => tables.some(({ name }) => name === table))) {
      return 'it is no search index';
    }
    const [about] = db.prepare('SELECT * FROM about LIMIT 1').all();
    if (about?.['version'] !== FORMAT_VERSION) {
      return `it has format version ${String(about?.['version'])}, written by another version of Millrace`;
    }
    if (!isOfRange(about, range)) return 'it is of another range than its name says';
    return badChecksum(db, 'page', 'id', 'entries') ?? badChecksum(db, 'block', 'first', 'lows');
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault === undefined) throw error;
    return fault;
  } finally {
    db?.close();
  }
}

/** SQLite keeps no checksums of its own. */
function badChecksum(db: SqliteDatabase, table: string, key: string, column: string): string | undefined {
  const page = db.prepare(
    `SELECT ${key} AS id, ${column} AS bytes, crc FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${PAGE_COUNT}`,
  );
  let last = -1;
  for (;;) {
    const rows = page.all(last);
    for (const { id, bytes, crc } of rows) {
      if (!Buffer.isBuffer(bytes) || crc32(bytes) !== crc)
        return `the CRC of ${table} ${Number(id)} does not match`;
      last = Number(id);
    }
    if (rows.length < PAGE_COUNT) return undefined;
  }
}
