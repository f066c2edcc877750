import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { LogExamination } from '../log/index.ts';
import { quickCheck } from '../sqlite/quick-check.ts';
import { openSqlite, sqliteFault, type SqliteDatabase } from '../sqlite/sqlite.ts';
import type { Finding } from './finding.ts';
import { REBUILD_ADVICE, isFolder } from './run-findings.ts';

/** The format of the files that searches are answered from: `<partition>-<first position>.db`. */
const INDEX_NAME = /^(\d+)-(\d{15})\.db$/;
const INDEX_VERSION = 1;
const PAGE_COUNT = 500;
const BUSY_TIMEOUT_MS = 1_000;

export interface IndexCheck {
  findings: Finding[];
  /** Names of what the router builds again once they are removed. */
  damaged: string[];
}

/** Every file of the search index: whether it is whole, and of a range that the log has. */
export async function checkIndex(indexDir: string, log: LogExamination): Promise<IndexCheck> {
  const names = (await isFolder(indexDir)) ? (await readdir(indexDir)).toSorted() : [];
  const findings = names.flatMap((name) =>
    existsSync(join(indexDir, name)) ? [checkFile(indexDir, name, log)] : [],
  );
  const damaged = findings.filter(({ state }) => state === 'derived-damaged');
  return { findings, damaged: damaged.map(({ file }) => file.slice('index/'.length)) };
}

function checkFile(indexDir: string, name: string, log: LogExamination): Finding {
  const file = `index/${name}`;
  const [, partition, first] = INDEX_NAME.exec(name) ?? [];
  if (first === undefined) {
    return { state: 'ok', file, message: 'not a finished index; the router removes what it does not know' };
  }
  const segment =
    partition === '0' ? log.sealed.find(({ basePosition }) => basePosition === Number(first)) : undefined;
  if (!segment) {
    return {
      state: 'ok',
      file,
      message: 'the log has no such range any more: it is not used, and the router removes it',
    };
  }
  const { basePosition, endPosition, createdAtMs } = segment;
  const fault = faultIn(join(indexDir, name), {
    first: basePosition,
    to: endPosition,
    created_at_ms: createdAtMs,
  });
  if (fault === undefined)
    return { state: 'ok', file, message: `positions ${basePosition} to ${endPosition}` };
  return { state: 'derived-damaged', file, message: fault, advice: REBUILD_ADVICE };
}

function faultIn(
  path: string,
  range: { first: number; to: number; created_at_ms: number },
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
    if (about?.['version'] !== INDEX_VERSION) {
      return `it has format version ${String(about?.['version'])}, written by another version of Millrace`;
    }
    const isOfRange = Object.entries(range).every(([column, value]) => about[column] === value);
    if (!isOfRange) return 'it is of another range than its name says';
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
