import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import type { Refusal } from '../collector/refusal.ts';
import { sqliteDrivers } from '../sqlite/drivers.ts';
import { openSqlite } from '../sqlite/sqlite.ts';
import { openRefusedReader } from './refused-reader.ts';
import { openRefusedStore, type RefusedStore, type RefusedStoreOptions } from './refused-store.ts';
import { RefusedFileError } from './schema.ts';

const WAIT = { timeout: 5_000, interval: 10 };

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refused-'));
  path = join(dir, 'refused.db');
});
afterEach(() => rm(dir, { recursive: true }));

const refusal = (given: Partial<Refusal> = {}): Refusal => ({
  code: 'event_not_defined',
  receivedAtMs: 1,
  sizeBytes: 10,
  ...given,
});

describe.each(sqliteDrivers())('over $name', (driver) => {
  const open = (given: Partial<RefusedStoreOptions> = {}): RefusedStore =>
    openRefusedStore({
      path,
      clock: systemClock,
      onError: (error) => {
        throw error;
      },
      driver,
      ...given,
    });

  it('keeps all that is known of a refusal, over a restart', () => {
    const full = refusal({
      receivedAtMs: 5,
      sourceId: 'web',
      sdk: 'analytics-node/6.2.0',
      type: 'track',
      eventName: 'Signed Up',
      messageId: 'm-1',
      event: { type: 'track', messageId: 'm-1' },
    });
    const store = open();
    store.add(full);
    store.add(refusal({ receivedAtMs: 6 }));
    store.close();
    const again = open();
    const { event, ...rest } = full;
    expect(again.find({ limit: 10 })).toEqual([
      { id: 2, ...refusal({ receivedAtMs: 6 }) },
      { id: 1, ...rest, json: JSON.stringify(event) },
    ]);
    again.close();
  });

  it('finds by code and source, page by page, newest first', () => {
    const store = open();
    for (let n = 0; n < 10; n += 1) {
      const code = n % 2 === 0 ? 'duplicate' : 'invalid_json';
      store.add(refusal({ receivedAtMs: n, code, sourceId: n < 5 ? 'web' : 'app' }));
    }
    store.close();
    const reader = openRefusedReader(path, driver);
    const times = (query: Parameters<typeof reader.find>[0]) =>
      reader.find(query).map(({ receivedAtMs }) => receivedAtMs);
    expect(times({ code: 'duplicate', limit: 3 })).toEqual([8, 6, 4]);
    const [, , last] = reader.find({ code: 'duplicate', limit: 3 });
    expect(times({ code: 'duplicate', limit: 3, beforeId: last!.id })).toEqual([2, 0]);
    expect(times({ code: 'duplicate', sourceId: 'app', limit: 9 })).toEqual([8, 6]);
    expect(times({ sourceId: 'web', limit: 2 })).toEqual([4, 3]);
    reader.close();
  });

  it('knows the duplicates of an event, oldest first', () => {
    const store = open();
    for (const receivedAtMs of [1, 2])
      store.add(refusal({ code: 'duplicate', messageId: 'm', receivedAtMs }));
    store.add(refusal({ messageId: 'm', receivedAtMs: 3 }));
    store.close();
    const reader = openRefusedReader(path, driver);
    expect(reader.duplicatesOf('m').map(({ receivedAtMs }) => receivedAtMs)).toEqual([1, 2]);
    expect(reader.duplicatesOf('other')).toEqual([]);
    reader.close();
  });

  it('lets the oldest go beyond its count, and beyond its bytes', () => {
    let store = open({ maxCount: 3 });
    for (let n = 0; n < 5; n += 1) store.add(refusal({ receivedAtMs: n }));
    store.close();
    store = open({ maxCount: 3 });
    expect(store.find({ limit: 10 }).map(({ receivedAtMs }) => receivedAtMs)).toEqual([4, 3, 2]);
    store.close();

    store = open({ maxBytes: 250 });
    for (let n = 10; n < 15; n += 1)
      store.add(refusal({ receivedAtMs: n, event: 'x'.repeat(98), sizeBytes: 100 }));
    store.close();
    store = open({ maxBytes: 250 });
    expect(store.find({ limit: 10 }).map(({ receivedAtMs }) => receivedAtMs)).toEqual([14, 13]);
    store.close();
  });

  it('keeps a part of a flood, and no body that is too large', () => {
    const store = open();
    store.add(refusal({ event: 'x'.repeat(40_000), sizeBytes: 40_002 }));
    for (let n = 0; n < 2_000; n += 1) store.add(refusal());
    store.close();
    const reader = openRefusedReader(path, driver);
    const kept = reader.find({ limit: 3_000 });
    expect(kept).toHaveLength(500);
    expect(kept.at(-1)).toEqual({ id: 1, ...refusal({ sizeBytes: 40_002 }) });
    reader.close();
  });

  it('writes without being closed, while another process reads', async () => {
    const store = open();
    const reader = openRefusedReader(path, driver);
    store.add(refusal());
    await vi.waitFor(() => expect(reader.find({ limit: 1 })).toHaveLength(1), WAIT);
    store.add(refusal());
    await vi.waitFor(() => expect(reader.find({ limit: 9 })).toHaveLength(2), WAIT);
    reader.close();
    store.close();
  });

  it('says once that it cannot write, and goes on when it can', async () => {
    const errors: unknown[] = [];
    const store = open({ onError: (error) => errors.push(error) });
    const other = openSqlite(path, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 }, driver);
    other.exec('ALTER TABLE refused RENAME TO away');
    store.add(refusal());
    await vi.waitFor(() => expect(errors).toHaveLength(1), WAIT);
    other.exec('ALTER TABLE away RENAME TO refused');
    store.add(refusal({ receivedAtMs: 9 }));
    await vi.waitFor(() => expect(store.find({ limit: 9 })).toHaveLength(1), WAIT);
    expect(errors).toHaveLength(1);
    other.close();
    store.close();
  });

  it('refuses a file that is no database by name, and says what to do', async () => {
    await writeFile(path, 'x'.repeat(5_000));
    expect(() => open()).toThrow(
      new RefusedFileError(
        'refused.db: the file is no SQLite database; move it away to start without the refused events in it',
      ),
    );
  });

  it('refuses a file of another version by name', () => {
    const other = openSqlite(path, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 }, driver);
    other.exec('CREATE TABLE refused (id INTEGER); PRAGMA user_version = 7');
    other.close();
    expect(() => open()).toThrow(RefusedFileError);
    expect(() => openRefusedReader(path, driver).find({ limit: 1 })).toThrow(
      /refused\.db has schema version 7/,
    );
  });
});

it('has nothing before there is a file, and of an empty one', async () => {
  const reader = openRefusedReader(path);
  expect(reader.find({ limit: 1 })).toEqual([]);
  await writeFile(path, '');
  expect(reader.duplicatesOf('m')).toEqual([]);
  reader.close();
});
