import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { preferredDriver, sqliteDrivers, SqliteUnavailableError } from './drivers.ts';
import { isBusy, openSqlite } from './sqlite.ts';
import type { SqliteAccess, SqliteDatabase } from './sqlite.ts';

const WRITE: SqliteAccess = { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 };
const READ: SqliteAccess = { mode: 'read', busyTimeoutMs: 0 };

describe.each(sqliteDrivers())('SQLite through $name', (driver) => {
  let folder: string;
  let opened: SqliteDatabase[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'));
    opened = [];
  });
  afterEach(() => {
    for (const database of opened) database.close();
    rmSync(folder, { recursive: true });
  });

  function open(access: SqliteAccess = WRITE): SqliteDatabase {
    const database = openSqlite(join(folder, 'test.db'), access, driver);
    opened.push(database);
    return database;
  }

  function withTable(): SqliteDatabase {
    const database = open();
    database.exec('CREATE TABLE t (number INTEGER, words TEXT, bytes BLOB) STRICT');
    return database;
  }

  it('gives back plain rows with what was put in', () => {
    const database = withTable();
    const row = { number: Number.MAX_SAFE_INTEGER, words: 'é\n"', bytes: Buffer.from([0, 255, 10]) };
    database.prepare('INSERT INTO t VALUES (?, ?, ?)').run(row.number, row.words, row.bytes);
    expect(database.prepare('SELECT * FROM t').all()).toStrictEqual([row]);
  });

  it('keeps null and the empty blob apart', () => {
    const database = withTable();
    const put = database.prepare('INSERT INTO t (number, bytes) VALUES (?, ?)');
    put.run(1, null);
    put.run(2, Buffer.alloc(0));
    expect(database.prepare('SELECT bytes FROM t ORDER BY number').all()).toStrictEqual([
      { bytes: null },
      { bytes: Buffer.alloc(0) },
    ]);
  });

  it('binds a lone buffer', () => {
    const database = withTable();
    database.prepare('INSERT INTO t (bytes) VALUES (?)').run(Buffer.from('one'));
    expect(
      database.prepare('SELECT number, bytes FROM t WHERE bytes = ?').all(Buffer.from('one')),
    ).toStrictEqual([{ number: null, bytes: Buffer.from('one') }]);
  });

  it('returns every one of several hundred rows', () => {
    const database = withTable();
    database.transaction('IMMEDIATE', () => {
      for (let number = 0; number < 300; number++) insert(database, number);
    });
    expect(numbers(database)).toHaveLength(300);
  });

  it.each([2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY])('refuses to store %d', (number) => {
    const database = withTable();
    expect(() => insert(database, number)).toThrow(RangeError);
  });

  it('refuses to read an integer above 2^53', () => {
    const database = withTable();
    database.exec('INSERT INTO t (number) VALUES (9007199254740993)');
    expect(() => numbers(database)).toThrow(RangeError);
  });

  it('undoes a transaction that throws, and goes on', () => {
    const database = withTable();
    const fault = new Error('stop');
    expect(() =>
      database.transaction('IMMEDIATE', () => {
        insert(database, 1);
        throw fault;
      }),
    ).toThrow(fault);
    database.transaction('IMMEDIATE', () => insert(database, 2));
    expect(numbers(database)).toStrictEqual([{ number: 2 }]);
  });

  it('undoes a transaction that breaks a constraint, and goes on', () => {
    const database = withTable();
    database.exec('CREATE UNIQUE INDEX once ON t (number)');
    expect(() =>
      database.transaction('IMMEDIATE', () => {
        insert(database, 1);
        insert(database, 1);
      }),
    ).toThrow(/UNIQUE/);
    database.transaction('IMMEDIATE', () => insert(database, 1));
    expect(numbers(database)).toStrictEqual([{ number: 1 }]);
  });

  it('sets the journal and how it is synced', () => {
    const database = open({ mode: 'write', synchronous: 'FULL', busyTimeoutMs: 0 });
    expect(database.prepare('PRAGMA journal_mode').all()).toStrictEqual([{ journal_mode: 'wal' }]);
    expect(database.prepare('PRAGMA synchronous').all()).toStrictEqual([{ synchronous: 2 }]);
    expect(open().prepare('PRAGMA synchronous').all()).toStrictEqual([{ synchronous: 1 }]);
  });

  it('lets a reader see the last commit while a transaction is open, and write nothing', () => {
    const writer = withTable();
    insert(writer, 1);
    const reader = open(READ);
    writer.transaction('IMMEDIATE', () => {
      insert(writer, 2);
      expect(numbers(reader)).toStrictEqual([{ number: 1 }]);
    });
    expect(numbers(reader)).toStrictEqual([{ number: 1 }, { number: 2 }]);
    expect(() => insert(reader, 3)).toThrow(/readonly/);
  });

  it('reads one snapshot in a deferred transaction', () => {
    const writer = withTable();
    const reader = open(READ);
    reader.transaction('DEFERRED', () => {
      expect(numbers(reader)).toStrictEqual([]);
      insert(writer, 1);
      expect(numbers(reader)).toStrictEqual([]);
    });
    expect(numbers(reader)).toStrictEqual([{ number: 1 }]);
  });

  it('tells a held lock from other errors', () => {
    withTable().exec('BEGIN IMMEDIATE');
    expect(isBusy(errorOf(() => open().exec('BEGIN IMMEDIATE')))).toBe(true);
    expect(isBusy(errorOf(() => open().exec('BEGIN NONSENSE')))).toBe(false);
  });

  it('opens a file for its lock while another holds it', () => {
    const holder = open({ mode: 'lock' });
    holder.exec('BEGIN EXCLUSIVE');
    const other = open({ mode: 'lock' });
    expect(isBusy(errorOf(() => other.exec('BEGIN EXCLUSIVE')))).toBe(true);
    holder.exec('ROLLBACK');
    other.exec('BEGIN EXCLUSIVE');
    other.exec('ROLLBACK');
  });

  it('names a file that is no database, and lets go of it', () => {
    writeFileSync(
      join(folder, 'test.db'),
      'no database, but long enough to be read as the header of one'.repeat(20),
    );
    expect(() => open()).toThrow(/not a database/);
  });
});

describe('choosing a driver', () => {
  it('takes the first one', () => {
    const drivers = sqliteDrivers();
    expect(preferredDriver(drivers)).toBe(drivers[0]);
  });

  it('prefers the built-in one where the runtime has it', () => {
    const hasBuiltIn = process.getBuiltinModule('node:sqlite') !== undefined;
    expect(sqliteDrivers()[0]?.name).toBe(hasBuiltIn ? 'node:sqlite' : 'libsql');
  });

  it('names what to install when there is none', () => {
    expect(() => preferredDriver([])).toThrow(SqliteUnavailableError);
    expect(() => preferredDriver([])).toThrow(/npm install libsql.*22\.13/);
  });
});

function insert(database: SqliteDatabase, number: number): void {
  database.prepare('INSERT INTO t (number) VALUES (?)').run(number);
}

function numbers(database: SqliteDatabase): unknown[] {
  return database.prepare('SELECT number FROM t ORDER BY number').all();
}

function errorOf(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
