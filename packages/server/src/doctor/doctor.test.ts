import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { held, letter, settlement } from '../ledger/contract.ts';
import { openLedger } from '../ledger/index.ts';
import { acquireLock } from '../lock.ts';
import { sampleEvent } from '../log/contract.ts';
import { openSegmentLog } from '../log/index.ts';
import { openSqlite, type SqliteDatabase } from '../sqlite/sqlite.ts';
import { examine, rebuild, type Finding } from './index.ts';

const DAY_MS = 86_400_000;
const SECRET = 'someone@example.com';
const SEGMENTS = ['0000000001.segment', '0000000002.segment', '0000000003.segment', '0000000004.segment'];
const [FIRST, SECOND, , ACTIVE] = SEGMENTS as [string, string, string, string];
const RUN = '0000000001-0000000001.run';

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}

function inFile(file: string, change: (db: SqliteDatabase) => void): void {
  const db = openSqlite(file, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 });
  change(db);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

describe('doctor', () => {
  let dataDir: string;

  const path = (...names: string[]) => join(dataDir, ...names);
  const options = () => ({ dataDir, nowMs: systemClock.nowMs(), dedupeWindowMs: DAY_MS });
  const findings = async (): Promise<Finding[]> => {
    const before = snapshot();
    const { findings: found } = await examine(options());
    expect(snapshot()).toEqual(before);
    expect(JSON.stringify(found)).not.toContain(SECRET);
    return found;
  };
  const unsound = async () => (await findings()).filter(({ state }) => state !== 'ok');
  const of = async (file: string) => (await findings()).filter((finding) => finding.file === file);

  /** All bytes but those that SQLite keeps beside a database for as long as it is open. */
  function snapshot(): Record<string, number> {
    const names = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => statSync(path(name)).isFile() && !/-(wal|shm)$/.test(name));
    return Object.fromEntries(files.map((name) => [name, crc32(readFileSync(path(name)))]));
  }

  /** Segments 1 to 4 of two events each; m6 and m7 are in the active one. */
  async function writeLog(from = 0, to = 8): Promise<void> {
    const log = await openSegmentLog({ dir: path('log'), maxSegmentBytes: 1_000 });
    for (let n = from; n < to; n++) {
      const json = Buffer.from(JSON.stringify({ messageId: `m${n}`, userId: SECRET, pad: 'x'.repeat(300) }));
      await log.append([sampleEvent(`m${n}`, { json })]);
    }
    await log.close();
  }

  function writeLedger(cursor: number, pending: number[] = [], dead: number[] = []): void {
    const ledger = openLedger(path('ledger.db'));
    ledger.commit(
      settlement({ cursor, pending: pending.map((n) => held(n)), dead: dead.map((n) => letter(n)) }),
    );
    ledger.close();
    // What SQLite keeps beside the file would hide what is done to it.
    inFile(path('ledger.db'), () => {});
  }

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-doctor-'));
    await writeLog();
    // A run of each segment: what the log itself has made of them by now depends on the time it had.
    rmSync(path('dedupe'), { recursive: true });
    await rebuild(options());
    writeLedger(7, [5], [2]);
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('finds nothing in a sound folder, and says what it has looked at', async () => {
    expect(readdirSync(path('log')).toSorted()).toEqual(SEGMENTS);
    await expect(unsound()).resolves.toEqual([]);
    const files = (await findings()).map(({ file }) => file);
    expect(files).toEqual(
      expect.arrayContaining(['log/', `log/${FIRST}`, `dedupe/`, `dedupe/${RUN}`, 'ledger.db']),
    );
    await expect(of('log/')).resolves.toMatchObject([
      { message: expect.stringContaining('8 events') as string },
    ]);
  });

  it('finds nothing wrong with an empty folder', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-doctor-'));
    await expect(unsound()).resolves.toEqual([]);
  });

  it('names the byte and the positions of damage in a sealed segment', async () => {
    flip(path('log', SECOND), 100);
    await expect(of(`log/${SECOND}`)).resolves.toMatchObject([
      { state: 'damaged', place: 'byte 44', message: 'the CRC does not match; positions 2 to 3 are lost' },
    ]);
    await expect(of('log/')).resolves.toMatchObject([{ state: 'damaged' }]);
  });

  it('calls a torn end of the active segment normal, and leaves it', async () => {
    const bytes = readFileSync(path('log', ACTIVE));
    writeFileSync(path('log', ACTIVE), Buffer.concat([bytes, bytes.subarray(44, 90)]));
    await expect(of(`log/${ACTIVE}`)).resolves.toMatchObject([
      {
        state: 'ok',
        place: `byte ${bytes.length}`,
        message: expect.stringContaining('46 bytes of a commit') as string,
      },
    ]);
    await expect(unsound()).resolves.toEqual([]);
  });

  it('finds damage with sound frames behind it in the active segment', async () => {
    flip(path('log', ACTIVE), 100);
    await expect(of(`log/${ACTIVE}`)).resolves.toMatchObject([{ state: 'damaged', place: 'byte 44' }]);
  });

  it('misses a segment that is cut off or gone', async () => {
    truncateSync(path('log', SECOND), 100);
    await expect(of(`log/${SECOND}`)).resolves.toMatchObject([
      { message: 'the frame is cut off; positions 2 to 4 are lost' },
    ]);
    rmSync(path('log', SECOND));
    const found = await unsound();
    expect(found.map(({ file }) => file)).toEqual(
      expect.arrayContaining([`log/${SECOND}`, `log/${FIRST}`, 'log/']),
    );
  });

  it('knows what a trim that was interrupted has left', async () => {
    writeFileSync(path('log', '0000000000000002.start'), '');
    writeFileSync(path('log', '0000000000000004.start'), '');
    await expect(of(`log/${FIRST}`)).resolves.toMatchObject([
      { state: 'ok', message: expect.stringContaining('trim') as string },
    ]);
    await expect(of('log/0000000000000002.start')).resolves.toMatchObject([{ state: 'ok' }]);
    const states = (await findings()).filter(({ file }) => file.startsWith('log/')).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(['ok']));
  });

  it('leaves foreign files alone, and does not take them for a segment', async () => {
    writeFileSync(path('log', 'notes.txt'), 'not ours');
    await expect(of('log/notes.txt')).resolves.toMatchObject([{ state: 'ok' }]);
    writeFileSync(path('log', '0000000005.segment'), Buffer.alloc(500, 'x'));
    await expect(of('log/0000000005.segment')).resolves.toMatchObject([
      { state: 'damaged', message: 'its header is damaged' },
    ]);
  });

  it('refuses a segment of an unknown format version by name', async () => {
    const bytes = readFileSync(path('log', FIRST));
    bytes.writeUInt32LE(9, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 40)), 40);
    writeFileSync(path('log', FIRST), bytes);
    await expect(of(`log/${FIRST}`)).resolves.toMatchObject([
      { state: 'not-checked', message: expect.stringContaining('format version 9') as string },
    ]);
  });

  it('takes a log whose newest segments are missing for damaged', async () => {
    writeFileSync(path('log', '0000000000000100.start'), '');
    await expect(of('log/')).resolves.toMatchObject([
      { state: 'damaged', message: expect.stringContaining('starts at 100 and ends at 8') as string },
    ]);
  });

  it.each([
    ['in a block', (file: string) => flip(file, 4096 + 4000)],
    ['in its header', (file: string) => flip(file, 20)],
    ['by being cut off', (file: string) => truncateSync(file, 4096)],
    ['by being another file', (file: string) => writeFileSync(file, 'no run')],
  ])('rebuilds a run that is damaged %s', async (_, damage) => {
    const sound = readFileSync(path('dedupe', RUN));
    damage(path('dedupe', RUN));
    await expect(of(`dedupe/${RUN}`)).resolves.toMatchObject([{ state: 'derived-damaged' }]);
    const { made, removed } = await rebuild(options());
    expect({ made, removed }).toEqual({ made: ['the run of segment 1'], removed: [`dedupe/${RUN}`] });
    expect(readFileSync(path('dedupe', RUN))).toEqual(sound);
    await expect(unsound()).resolves.toEqual([]);
  });

  it('makes runs that are missing', async () => {
    rmSync(path('dedupe'), { recursive: true });
    await expect(of('dedupe/')).resolves.toMatchObject([
      { state: 'ok', message: expect.stringContaining('3 sealed segments') as string },
    ]);
    const { made } = await rebuild(options());
    expect(made).toHaveLength(3);
    expect(readdirSync(path('dedupe'))).toHaveLength(3);
  });

  it.each(['server.lock', 'router.lock'])('rebuilds nothing while %s is held', async (name) => {
    truncateSync(path('dedupe', RUN), 4096);
    const lock = await acquireLock(path(name), { waitMs: 0 });
    await expect(rebuild(options())).rejects.toThrow(`${name} is held by process ${process.pid}`);
    lock.release();
    await expect(of(`dedupe/${RUN}`)).resolves.toMatchObject([{ state: 'derived-damaged' }]);
  });

  it('finds a damaged page of the ledger', async () => {
    const file = path('ledger.db');
    const size = statSync(file).size;
    const bytes = readFileSync(file);
    bytes.fill(0xff, 4096, Math.min(size, 3 * 4096));
    writeFileSync(file, bytes);
    const found = await of('ledger.db');
    expect(found[0]).toMatchObject({ state: 'damaged' });
  });

  it('finds that a foreign file stands in place of the ledger', async () => {
    writeFileSync(path('ledger.db'), SECRET.repeat(500));
    await expect(of('ledger.db')).resolves.toMatchObject([
      { state: 'damaged', message: 'the file is no SQLite database' },
    ]);
  });

  it.each([
    [1, 'starting the server brings it up to date'],
    [99, 'has schema version 99'],
  ])('refuses a ledger of schema version %i by name', async (version, words) => {
    inFile(path('ledger.db'), (db) =>
      db.exec(`UPDATE meta SET value = ${version} WHERE key = 'schema_version'`),
    );
    await expect(of('ledger.db')).resolves.toMatchObject([
      { state: 'not-checked', message: expect.stringContaining(words) as string },
    ]);
  });

  it('finds a cursor beyond the end of the log', async () => {
    writeLedger(9);
    await expect(of('ledger.db')).resolves.toContainEqual(
      expect.objectContaining({
        state: 'damaged',
        place: 'destination hook',
        message: 'its cursor is at 9, and the log ends at 8: deliveries to it stop',
      }),
    );
  });

  it('finds pending events that the log does not have any more', async () => {
    flip(path('log', '0000000003.segment'), readFileSync(path('log', '0000000003.segment')).length - 50);
    const found = (await of('ledger.db')).filter(({ state }) => state !== 'ok');
    expect(found).toMatchObject([{ message: '1 pending events are not in the log any more' }]);
  });

  it('finds dead letters that cannot be read back', async () => {
    inFile(path('ledger.db'), (db) =>
      db.prepare('UPDATE dead SET event = ?').run(Buffer.from(`{"${SECRET}`)),
    );
    const found = (await of('ledger.db')).filter(({ state }) => state !== 'ok');
    expect(found).toMatchObject([{ message: '1 of 1 dead letters cannot be read back (positions 2)' }]);
  });

  it('finds that refused.db is damaged', async () => {
    inFile(path('refused.db'), (db) => db.exec('CREATE TABLE refused (words TEXT)'));
    await expect(of('refused.db')).resolves.toMatchObject([{ state: 'ok' }]);
    writeFileSync(path('refused.db'), SECRET.repeat(500));
    await expect(of('refused.db')).resolves.toMatchObject([
      { state: 'damaged', message: 'the file is no SQLite database' },
    ]);
  });

  it('does not say what a damaged sources.json holds', async () => {
    writeFileSync(path('sources.json'), `{"version":1,"sources":[{"writeKey":"${SECRET}"`);
    await expect(of('sources.json')).resolves.toMatchObject([{ state: 'damaged' }]);
    writeFileSync(
      path('sources.json'),
      `{"version":1,"sources":[{"id":"a","name":"a","writeKey":"${SECRET}"}]}`,
    );
    await expect(of('sources.json')).resolves.toMatchObject([{ state: 'ok', message: '1 sources' }]);
  });

  describe('of the search index', () => {
    const NAME = '0-000000000000002.db';

    beforeEach(() => {
      mkdirSync(path('index'));
      const createdAtMs = Number(readFileSync(path('log', SECOND)).readBigUInt64LE(24));
      inFile(path('index', NAME), (db) => {
        db.exec(`
          CREATE TABLE about (version INTEGER, "partition" INTEGER, first INTEGER, "to" INTEGER, created_at_ms INTEGER) STRICT;
          CREATE TABLE block (first INTEGER PRIMARY KEY, lows BLOB, crc INTEGER) STRICT;
          CREATE TABLE page (id INTEGER PRIMARY KEY, entries BLOB, crc INTEGER) STRICT;`);
        db.prepare('INSERT INTO about VALUES (1, 0, 2, 4, ?)').run(createdAtMs);
        const bytes = Buffer.from('entries');
        db.prepare('INSERT INTO page VALUES (0, ?, ?)').run(bytes, crc32(bytes));
      });
    });

    it('takes a file that is whole', async () => {
      await expect(of(`index/${NAME}`)).resolves.toMatchObject([
        { state: 'ok', message: 'positions 2 to 4' },
      ]);
    });

    it.each([
      ['of another range', 'UPDATE about SET "to" = 5', 'it is of another range than its name says'],
      ['of another version', 'UPDATE about SET version = 2', 'it has format version 2'],
      [
        'with bytes that were not written so',
        "UPDATE page SET entries = x'00'",
        'the CRC of page 0 does not match',
      ],
      ['without its tables', 'DROP TABLE page', 'it is no search index'],
    ])('removes a file %s for the router to build again', async (_, sql, words) => {
      inFile(path('index', NAME), (db) => db.exec(sql));
      await expect(of(`index/${NAME}`)).resolves.toMatchObject([
        { state: 'derived-damaged', message: expect.stringContaining(words) as string },
      ]);
      await expect(rebuild(options())).resolves.toMatchObject({ removed: [`index/${NAME}`] });
      expect(existsSync(path('index', NAME))).toBe(false);
    });

    it('leaves a file alone whose range the log does not have', async () => {
      copyFileSync(path('index', NAME), path('index', '0-000000000000003.db'));
      await expect(of('index/0-000000000000003.db')).resolves.toMatchObject([{ state: 'ok' }]);
    });
  });

  describe('beside a running server', () => {
    it('looks at all of it, up to the last whole commit', async () => {
      const lock = await acquireLock(path('server.lock'), { waitMs: 0 });
      const bytes = readFileSync(path('log', ACTIVE));
      writeFileSync(path('log', ACTIVE), Buffer.concat([bytes, bytes.subarray(44, 90)]));
      await expect(of(`log/${ACTIVE}`)).resolves.toMatchObject([
        { state: 'ok', message: expect.stringContaining('the commit that is being written') as string },
      ]);
      await expect(of('server.lock')).resolves.toMatchObject([{ message: 'server is at work' }]);
      lock.release();
    });

    it('finds no damage while events come in', async () => {
      const lock = await acquireLock(path('server.lock'), { waitMs: 0 });
      const log = await openSegmentLog({ dir: path('log'), maxSegmentBytes: 20_000 });
      const done = new AbortController();
      let appended = 8;
      const writing = (async () => {
        while (!done.signal.aborted) {
          const events = Array.from({ length: 5 }, (_, i) =>
            sampleEvent(`live-${appended + i}`, { json: Buffer.alloc(300, ' ') }),
          );
          await log.append(events);
          appended += 5;
        }
      })();
      for (let round = 0; round < 20; round++) {
        const { findings: found } = await examine(options());
        expect(found.filter(({ state }) => state !== 'ok')).toEqual([]);
      }
      done.abort();
      await writing;
      expect(appended).toBeGreaterThan(8);
      await log.close();
      lock.release();
    });
  });
});
