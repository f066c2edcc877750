import { preferredDriver, sqliteDrivers } from './drivers.ts';
import type { DriverDatabase, DriverValue, SqliteDriver } from './drivers.ts';

/**
 * The little of SQLite that Millrace uses, the same on every driver: `node:sqlite` where the runtime
 * has it without a flag (22.13 and newer), else the `libsql` package. Rows come all at once, so a
 * query says how many it can return: an iterator left early would keep the WAL from being trimmed.
 */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  /** Runs `work` and commits, or undoes all of it when it throws. Use `DEFERRED` to read one snapshot. */
  transaction<T>(mode: 'IMMEDIATE' | 'DEFERRED', work: () => T): T;
  /** Undo what is open first: with libsql a transaction outlives the handle. */
  close(): void;
}

export interface SqliteStatement {
  /** @throws {RangeError} A number is not finite, or an integer beyond 2^53. */
  run(...params: SqliteValue[]): void;
  /** @throws {RangeError} As {@link run}, and when a row holds such an integer. */
  all(...params: SqliteValue[]): SqliteRow[];
}

/** Text is cut at a NUL when libsql reads it: what may hold one and matters goes in as a buffer. */
export type SqliteValue = DriverValue;
export type SqliteRow = Record<string, SqliteValue>;

export type SqliteAccess =
  /** WAL: others read the last commit while this writes. `FULL` survives power loss with each commit. */
  | { mode: 'write'; synchronous: 'NORMAL' | 'FULL'; busyTimeoutMs: number }
  | { mode: 'read'; busyTimeoutMs: number }
  /** For `copyDatabase`: a connection that may only query cannot write elsewhere either. */
  | { mode: 'copy'; busyTimeoutMs: number }
  /** Of a file that nobody else sees before it is complete and synced by its maker: no journal, no sync. */
  | { mode: 'build' }
  /** For the locks of the file alone; nothing waits. */
  | { mode: 'lock' };

/**
 * Opens a database file; a missing one is made, its folder is not.
 * @throws {SqliteUnavailableError} There is no driver for this runtime.
 */
export function openSqlite(
  path: string,
  access: SqliteAccess,
  driver: SqliteDriver = preferredDriver(sqliteDrivers()),
): SqliteDatabase {
  const opened = driver.open(path);
  try {
    for (const pragma of pragmasOf(access)) opened.exec(`PRAGMA ${pragma}`);
    if (access.mode === 'write') requireWal(opened, path);
  } catch (error) {
    opened.close();
    throw error;
  }
  return wrap(opened);
}

/** Whether a statement failed because another connection holds the lock that it needs. */
export function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // node:sqlite says it in `errcode`, libsql in `code`; 5 is SQLITE_BUSY, extended codes keep the low byte.
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') return (errcode & 0xff) === 5;
  return typeof code === 'string' && code.startsWith('SQLITE_BUSY');
}

const FAULTS: Readonly<Record<number, readonly [name: string, words: string]>> = {
  3: ['PERM', 'access is not allowed'],
  5: ['BUSY', 'another process holds it'],
  8: ['READONLY', 'it cannot be written'],
  10: ['IOERR', 'the disk failed'],
  11: ['CORRUPT', 'the file is damaged'],
  13: ['FULL', 'the disk is full'],
  14: ['CANTOPEN', 'it cannot be opened'],
  26: ['NOTADB', 'the file is no SQLite database'],
};

/** What is wrong with a database file, safe to show; undefined for what is no error of SQLite. */
export function sqliteFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') return FAULTS[errcode & 0xff]?.[1] ?? `SQLite error ${errcode}`;
  // libsql has a name for what fails later, and a number at the end of the words for what fails at opening.
  const opening = /^ConnectionFailed\(.*: (\d+)"\)$/.exec(error.message)?.[1];
  if (opening !== undefined) return FAULTS[Number(opening) & 0xff]?.[1] ?? `SQLite error ${opening}`;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return undefined;
  return Object.values(FAULTS).find(([name]) => code.startsWith(`SQLITE_${name}`))?.[1] ?? code;
}

/** As {@link sqliteFault}, of what may be over by the next try: a full disk, a disk that failed, another process. */
export function passingFault(error: unknown): string | undefined {
  const fault = sqliteFault(error);
  return [5, 10, 13].some((code) => FAULTS[code]?.[1] === fault) ? fault : undefined;
}

function pragmasOf(access: SqliteAccess): string[] {
  if (access.mode === 'lock') return ['busy_timeout=0'];
  if (access.mode === 'build') return ['journal_mode=OFF', 'synchronous=OFF', 'page_size=4096'];
  const pragmas = [`busy_timeout=${access.busyTimeoutMs}`];
  if (access.mode === 'copy') return pragmas;
  // libsql ignores its `readonly` option; and a connection opened read-only cannot make the -shm file.
  if (access.mode === 'read') return [...pragmas, 'query_only=1'];
  // The default of `synchronous` differs between the drivers.
  return [...pragmas, 'journal_mode=WAL', `synchronous=${access.synchronous}`];
}

function requireWal(opened: DriverDatabase, path: string): void {
  const [row] = opened.prepare('PRAGMA journal_mode').all([]);
  if (row && 'journal_mode' in row && row.journal_mode === 'wal') return;
  throw new Error(`${path}: this file system does not support SQLite's write-ahead log`);
}

function wrap(opened: DriverDatabase): SqliteDatabase {
  return {
    exec: (sql) => opened.exec(sql),
    close: () => opened.close(),
    prepare(sql) {
      const statement = opened.prepare(sql);
      return {
        run: (...params) => statement.run(params.map(checked)),
        all: (...params) => statement.all(params.map(checked)).map(plainRow),
      };
    },
    transaction(mode, work) {
      opened.exec(`BEGIN ${mode}`);
      try {
        const result = work();
        opened.exec('COMMIT');
        return result;
      } catch (error) {
        rollBack(opened);
        throw error;
      }
    },
  };
}

function rollBack(opened: DriverDatabase): void {
  try {
    opened.exec('ROLLBACK');
  } catch {
    // SQLite undid it by itself, as it does when the disk is full; the first error is the one to tell.
  }
}

function checked(value: SqliteValue): SqliteValue {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value)) throw new RangeError('integer beyond 2^53');
  if (!Number.isFinite(value)) throw new RangeError(`number expected, got ${value}`);
  return value;
}

/** A row of its own, without prototype or keys of the driver, its blobs as buffers. */
function plainRow(row: object): SqliteRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, plainValue(value)]));
}

function plainValue(value: unknown): SqliteValue {
  if (value === null || typeof value === 'string') return value;
  if (typeof value === 'number') return checked(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`column of unknown type ${typeof value}`);
}
