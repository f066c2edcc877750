import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../clock.ts';
import { dead, delivered, describeLedger, filtered, held, letter, settlement } from './contract.ts';
import type { LedgerStore } from './contract.ts';
import { describeDeadLetters } from './dead-contract.ts';
import { outcomesInBlock } from './decision-block.ts';
import { examineLedger, LedgerVersionError, openLedger, openLedgerReader } from './index.ts';
import { describeLedgerOverTime } from './over-time-contract.ts';
import { sqliteDrivers } from '../sqlite/drivers.ts';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import { openSqlite } from '../sqlite/sqlite.ts';
import type { SqliteDatabase } from '../sqlite/sqlite.ts';

describe.each(sqliteDrivers())('ledger in SQLite through $name', (driver) => {
  const makeStore = (clock: Pick<Clock, 'nowMs'> = systemClock): LedgerStore => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-ledger-'));
    const path = join(folder, 'ledger.db');
    return {
      open: () => openLedger(path, driver, clock),
      reader: () => openLedgerReader(path, driver),
      dispose: () => rmSync(folder, { recursive: true }),
    };
  };
  describeLedger(driver.name, () => makeStore());
  describeLedgerOverTime(driver.name, makeStore);
  describeDeadLetters(driver.name, () => makeStore());

  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-ledger-'));
    path = join(folder, 'ledger.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Looks into the file, or changes it behind the ledger's back. */
  function inFile<T>(look: (db: SqliteDatabase) => T): T {
    const db = openSqlite(path, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 }, driver);
    try {
      return look(db);
    } finally {
      db.close();
    }
  }
  const rows = (sql: string) => inFile((db) => db.prepare(sql).all());

  it('goes on after it was closed and opened again', () => {
    const first = openLedger(path, driver);
    first.commit(
      settlement({ cursor: 3, state: { offset: 1 }, pending: [held(2)], decisions: [delivered(1)] }),
    );
    first.close();
    const second = openLedger(path, driver);
    second.commit(settlement({ cursor: 4, decisions: [delivered(3)] }));
    expect(second.load('hook', 0)).toStrictEqual({ cursor: 4, state: { offset: 1 }, pending: [held(2)] });
    second.close();
    expect(rows("SELECT value FROM meta WHERE key = 'epoch'")).toStrictEqual([{ value: 2 }]);
  });

  it('keeps a request as one row and its positions as ranges', () => {
    const ledger = openLedger(path, driver);
    const attempt = { startedAtMs: 1_000, durationMs: 20.6, code: 'delivered', positions: [3, 4, 5, 9] };
    ledger.commit(settlement({ cursor: 10, attempt }));
    ledger.close();
    expect(rows('SELECT * FROM attempt')).toStrictEqual([
      {
        id: 1,
        destination: 'hook',
        partition: 0,
        started_at_ms: 1_000,
        duration_ms: 21,
        code: 'delivered',
        positions: '3-5,9',
      },
    ]);
  });

  it('keeps decisions in blocks that later commits add to', () => {
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 1025, decisions: [delivered(1022), filtered(1023), dead(1024)] }));
    ledger.commit(settlement({ cursor: 1025, decisions: [delivered(1021)] }));
    ledger.close();
    const blocks = rows('SELECT block, outcomes FROM decision ORDER BY block');
    expect(blocks.map(({ block }) => block)).toStrictEqual([0, 1]);
    expect(
      blocks.flatMap(({ block, outcomes }) => [...outcomesInBlock(Number(block), String(outcomes))]),
    ).toEqual([
      [1021, 'delivered'],
      [1022, 'delivered'],
      [1023, 'filtered:UNSUPPORTED_EVENT_TYPE'],
      [1024, 'dead:HTTP_400'],
    ]);
  });

  it('keeps a copy of an event that died', () => {
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 3, decisions: [dead(2)], dead: [letter(2)] }));
    ledger.close();
    expect(
      rows('SELECT position, message_id, code, attempt_count, died_at_ms, event FROM dead'),
    ).toStrictEqual([
      {
        position: 2,
        message_id: 'message-2',
        code: 'HTTP_400',
        attempt_count: 1,
        died_at_ms: 5_000,
        event: letter(2).event,
      },
    ]);
  });

  it('writes nothing of a commit that fails half way', () => {
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 1 }));
    const broken = settlement({ cursor: 9, decisions: [delivered(1)], pending: [held(2 ** 53)] });
    expect(() => ledger.commit(broken)).toThrow(RangeError);
    expect(ledger.load('hook', 0).cursor).toBe(1);
    ledger.commit(settlement({ cursor: 2 }));
    expect(ledger.load('hook', 0).cursor).toBe(2);
    ledger.commit(settlement({ cursor: 3, decisions: [filtered(2)] }));
    ledger.close();
    const counted = [{ code: 'UNSUPPORTED_EVENT_TYPE', count: 1 }];
    expect(rows('SELECT code, count FROM total')).toStrictEqual(counted);
    expect(rows('SELECT code, count FROM counter')).toStrictEqual(counted);
  });

  it.each([1, 2])('brings a ledger of schema version %d up to date, and what it holds stays', (version) => {
    const older = openLedger(path, driver, { nowMs: () => 66 });
    const attempt = { startedAtMs: 1, durationMs: 2, code: 'delivered', positions: [1020, 1030] };
    older.commit(settlement({ cursor: 1031, attempt, decisions: [delivered(1020), delivered(1030)] }));
    older.close();
    inFile((db) => {
      takeOutOf4(db);
      db.exec('DROP TABLE counter');
      if (version === 1) {
        db.exec('DROP TABLE attempt_block');
        db.exec('ALTER TABLE decision DROP COLUMN changed_at_ms');
      }
      db.prepare("UPDATE meta SET value = ? WHERE key = 'schema_version'").run(version);
    });
    const reader = openLedgerReader(path, driver);
    expect(() => reader.totals()).toThrow(
      new RegExp(`schema version ${version}, .* starting the server brings it up to date`),
    );
    const migrated = openLedger(path, driver, { nowMs: () => 77 });
    expect(migrated.load('hook', 0).cursor).toBe(1031);
    migrated.commit(settlement({ cursor: 1032, decisions: [delivered(1031)] }));
    expect(reader.eventCounts({ fromMs: 0, toMs: 78 }).rows).toMatchObject([{ step: 'delivered', count: 1 }]);
    migrated.close();
    for (const position of [1020, 1030]) {
      expect(reader.trace(0, position)).toMatchObject([
        { decision: { kind: 'delivered' }, attempts: [{ code: 'delivered', eventCount: 2 }] },
      ]);
    }
    reader.close();
    expect(rows('SELECT changed_at_ms FROM decision')).toStrictEqual([
      { changed_at_ms: version === 1 ? 77 : 66 },
      { changed_at_ms: 77 },
    ]);
  });

  it('brings a ledger of schema version 3 up to date, with the names of events that were dead', () => {
    const older = openLedger(path, driver);
    const events = [
      { type: 'track', event: 'Order "Placed"', name: 'no' },
      { type: 'page', name: 'Home' },
      { type: 'identify', name: 'no' },
      'no JSON',
    ];
    const letters = events.map((event, position) => ({
      ...letter(position),
      event: Buffer.from(typeof event === 'string' ? event : JSON.stringify(event)),
    }));
    older.commit(settlement({ cursor: 9, dead: letters, pending: [held(8)] }));
    older.close();
    inFile((db) => {
      takeOutOf4(db);
      db.exec("UPDATE meta SET value = 3 WHERE key = 'schema_version'");
    });
    const migrated = openLedger(path, driver);
    expect(migrated.load('hook', 0).pending).toStrictEqual([held(8)]);
    expect(migrated.changeDead('retry', { filter: { eventName: 'Home' } })).toStrictEqual({ count: 1 });
    expect(migrated.revive('hook', 0, { maxCount: 9, maxBytes: 9 })).toMatchObject([{ position: 1 }]);
    migrated.close();
    const reader = openLedgerReader(path, driver);
    const { letters: left } = reader.deadLetters({}, { maxCount: 9 });
    expect(left.map(({ position, eventName }) => [position, eventName])).toStrictEqual([
      [3, undefined],
      [2, undefined],
      [0, 'Order "Placed"'],
    ]);
    reader.close();
  });

  it('does not miss in the log what is pending with a copy of its own', () => {
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 9, decisions: [dead(1)], dead: [letter(1)], pending: [held(5)] }));
    ledger.changeDead('retry', { filter: {} });
    ledger.revive('hook', 0, { maxCount: 1, maxBytes: 1 });
    ledger.close();
    expect(examineLedger(path)?.destinations).toMatchObject([{ pending: [{ first: 5, last: 5 }] }]);
  });

  it.each([5, 99])('refuses schema version %d by name', (version) => {
    openLedger(path, driver).close();
    inFile((db) => db.prepare("UPDATE meta SET value = ? WHERE key = 'schema_version'").run(version));
    const words = `ledger.db has schema version ${version}, this version of Millrace reads 4`;
    expect(() => openLedger(path, driver)).toThrow(new LedgerVersionError(words));
    const reader = openLedgerReader(path, driver);
    expect(() => reader.totals()).toThrow(new LedgerVersionError(words));
    expect(() => reader.check()).toThrow(new LedgerVersionError(words));
    reader.close();
  });

  it('refuses a database that is not its own', () => {
    inFile((db) => db.exec('CREATE TABLE other (x)'));
    expect(() => openLedger(path, driver)).toThrow(
      new LedgerVersionError('ledger.db is not a ledger of Millrace'),
    );
  });

  it('is empty to a reader before there is a file, and while it has no tables', () => {
    const reader = openLedgerReader(path, driver);
    expect(reader.totals()).toStrictEqual([]);
    writeFileSync(path, '');
    expect(reader.totals()).toStrictEqual([]);
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 3 }));
    expect(reader.totals()).toMatchObject([{ destinationId: 'hook', cursors: { 0: 3 } }]);
    ledger.close();
    reader.close();
  });

  it('is read while a commit is open', () => {
    const ledger = openLedger(path, driver);
    ledger.commit(settlement({ cursor: 3 }));
    const reader = openLedgerReader(path, driver);
    inFile((db) =>
      db.transaction('IMMEDIATE', () => {
        db.exec("UPDATE cursor SET position = 4 WHERE destination = 'hook'");
        expect(reader.totals()[0]?.cursors).toStrictEqual({ 0: 3 });
      }),
    );
    expect(reader.totals()[0]?.cursors).toStrictEqual({ 0: 4 });
    reader.close();
    ledger.close();
  });

  it('syncs the commits that must outlive power loss, and no others', () => {
    const levels: unknown[] = [];
    const watched: SqliteDriver = {
      name: driver.name,
      open(file) {
        const db = driver.open(file);
        return {
          ...db,
          exec(sql) {
            if (sql === 'COMMIT') levels.push(...db.prepare('PRAGMA synchronous').all([]));
            db.exec(sql);
          },
        };
      },
    };
    const ledger = openLedger(path, watched);
    levels.length = 0;
    ledger.commit({ ...settlement({ cursor: 7 }), synced: true });
    ledger.commit(settlement({ cursor: 8 }));
    ledger.close();
    // 2 is FULL, 1 is NORMAL (sqlite.org/pragma.html#pragma_synchronous).
    expect(levels).toMatchObject([{ synchronous: 2 }, { synchronous: 1 }]);
  });
});

/** What version 4 added. */
function takeOutOf4(db: SqliteDatabase): void {
  db.exec(`
    DROP TABLE dead_retry; DROP INDEX dead_listed;
    ALTER TABLE dead DROP COLUMN exchange; ALTER TABLE dead DROP COLUMN event_name;
    ALTER TABLE pending DROP COLUMN event;`);
}
