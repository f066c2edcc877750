import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../clock.ts';
import type { AnalyticsError } from '../errors.ts';
import { nodeDisk, type SpoolDisk } from './disk.ts';
import { LEASE_FILE, ownerOf } from './lease.ts';
import { Spool } from './spool.ts';
import { resolveSpool, type SpoolOptions } from './spool-options.ts';
import type { Places } from './store.ts';

const owner = ownerOf('KEY', 'http://h/v1/batch');
let dir: string;
let made: Rig[];
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'mr-spool-'));
  made = [];
});
afterEach(() => {
  for (const { spool } of made) spool.close();
  rmSync(dir, { recursive: true });
});

interface Rig {
  spool: Spool;
  errors: AnalyticsError[];
  adopted: Places[];
  clock: ReturnType<typeof manualClock>;
}

/** Time passes when a test says so. */
function manualClock(): Clock & { pass: (ms: number) => void } {
  let nowMs = 1_000_000;
  const timers = new Set<{ atMs: number; done: () => void }>();
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    start: (afterMs, done) => {
      const timer = { atMs: nowMs + afterMs, done };
      timers.add(timer);
      return { ref: () => undefined, unref: () => undefined, cancel: () => void timers.delete(timer) };
    },
    pass: (ms) => {
      nowMs += ms;
      for (const timer of timers) if (timer.atMs <= nowMs && timers.delete(timer)) timer.done();
    },
  };
}

function rig(options: Partial<SpoolOptions> = {}, disk: SpoolDisk = nodeDisk): Rig {
  const errors: AnalyticsError[] = [];
  const adopted: Places[] = [];
  const clock = manualClock();
  const spool = new Spool(resolveSpool({ dir, ...options }), {
    disk,
    clock,
    owner,
    onError: (error) => void errors.push(error),
    beforeAdoption: () => undefined,
    onAdopted: (places) => void adopted.push(places),
  });
  const it = { spool, errors, adopted, clock };
  made.push(it);
  return it;
}

const event = (name: string): { json: string; bytes: number } => {
  const json = JSON.stringify({ name });
  return { json, bytes: json.length };
};
const folders = (): string[] => readdirSync(dir).filter((name) => /^[0-9a-f]{8}$/.test(name));
const spoolFiles = (): string[] =>
  folders().flatMap((id) =>
    readdirSync(path.join(dir, id))
      .filter((name) => name.endsWith('.spool'))
      .map((name) => path.join(dir, id, name)),
  );
const read = (spool: Spool, places: Places): string[] => spool.read(places).events.map(({ json }) => json);
const tickIsOver = (): Promise<void> => Promise.resolve();

/** What a client leaves that dies: as it closes, but with its events there. */
async function leave(...names: string[]): Promise<string> {
  const { spool } = rig();
  for (const name of names) spool.append(event(name));
  await tickIsOver();
  spool.close();
  return spoolFiles()[0]!;
}

describe('a spool', () => {
  it('writes the events of a tick at its end, by one write', async () => {
    const writes: number[] = [];
    const writeSync = (fd: number, bytes: Buffer, offset: number, length: number, at: number): number => {
      writes.push(length);
      return nodeDisk.writeSync(fd, bytes, offset, length, at);
    };
    const { spool } = rig({}, { ...nodeDisk, writeSync } as SpoolDisk);
    for (let count = 0; count < 1_000; count += 1) spool.append(event('a'));
    expect(writes).toEqual([]);
    await tickIsOver();
    // The header of the file, and the events.
    expect(writes).toEqual([16, 1_000 * (16 + event('a').bytes)]);
    spool.append(event('a'));
    await tickIsOver();
    expect(writes).toHaveLength(3);
  });

  it('does not wait for the end of a tick that tracks more than memory should hold', () => {
    const { spool } = rig();
    const big = { json: JSON.stringify('x'.repeat(30_000)), bytes: 30_002 };
    for (let count = 0; count < 200; count += 1) spool.append(big);
    expect(spool.pendingBytes).toBeLessThan(2 * 1024 * 1024);
    expect(spool.stats).toMatchObject({ eventCount: 200, isAvailable: true });
  });

  it('leaves nothing on the disk when all was settled', async () => {
    const { spool } = rig();
    spool.append(event('a'));
    await tickIsOver();
    spool.settle({ from: 0, end: 1 });
    spool.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is full at maxBytes, and has room again once files are settled', async () => {
    const { spool } = rig({ maxBytes: 1024 * 1024 });
    const big = { json: JSON.stringify('x'.repeat(30_000)), bytes: 30_002 };
    let end = 0;
    while (!spool.isFullWith(big.bytes)) end = spool.append(big) + 1;
    await tickIsOver();
    expect(spool.stats.bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(end).toBeGreaterThan(30);
    spool.settle({ from: 0, end: end - 1 });
    expect(spool.isFullWith(big.bytes)).toBe(false);
  });

  it('adopts what a dead client left, oldest first, and what is left of that in turn', async () => {
    await leave('a', 'b');
    const second = rig();
    await vi.waitFor(() => expect(second.adopted).toEqual([{ from: 0, end: 2 }]));
    second.spool.settle({ from: 0, end: 1 });
    second.clock.pass(1);
    second.spool.append(event('c'));
    await tickIsOver();
    second.spool.close();

    const third = rig();
    await vi.waitFor(() => expect(third.adopted).toEqual([{ from: 0, end: 2 }]));
    expect(read(third.spool, { from: 0, end: 2 })).toEqual([event('b').json]);
    expect(read(third.spool, { from: 1, end: 2 })).toEqual([event('c').json]);
    expect(third.spool.stats).toMatchObject({ adoptedCount: 2, eventCount: 2 });
    expect(folders()).toHaveLength(1);
  });

  it('looks again for dead clients while it lives', async () => {
    const { adopted, clock } = rig();
    const other = rig();
    other.spool.append(event('a'));
    await tickIsOver();
    await vi.waitFor(() => {
      clock.pass(60_000);
      expect(readdirSync(dir)).toHaveLength(4);
    });
    expect(adopted).toEqual([]);
    other.spool.close();
    await vi.waitFor(() => {
      clock.pass(60_000);
      expect(adopted).toEqual([{ from: 0, end: 1 }]);
    });
  });

  it('delivers what a torn file holds, and reports the rest', async () => {
    const file = await leave('a', 'b');
    truncateSync(file, readFileSync(file).length - 1);
    const { spool, adopted, errors } = rig();
    await vi.waitFor(() => expect(adopted).toEqual([{ from: 0, end: 1 }]));
    expect(read(spool, { from: 0, end: 1 })).toEqual([event('a').json]);
    await vi.waitFor(() => expect(errors).toEqual([expect.objectContaining({ code: 'SPOOL_DAMAGED' })]));
    expect(errors[0]!.message).toContain(`${16 + event('b').bytes - 1} bytes at the end of`);
  });

  it('sets a file aside of which nothing can be read, and reports it', async () => {
    const file = await leave('a');
    writeFileSync(file, 'of a later version');
    const { errors } = rig();
    await vi.waitFor(() => expect(errors).toEqual([expect.objectContaining({ code: 'SPOOL_DAMAGED' })]));
    await vi.waitFor(() => expect(readdirSync(path.join(dir, 'rejected'))).toEqual([path.basename(file)]));
  });

  it('keeps rejected events as lines that people can read, within a bound', () => {
    const { spool, clock } = rig({ maxBytes: 1024 * 1024 });
    spool.reject([event('a').json, event('b').json], 'HTTP_400');
    const folder = path.join(dir, 'rejected');
    const lines = readFileSync(path.join(folder, readdirSync(folder)[0]!), 'utf8')
      .trim()
      .split('\n');
    const rejectedAt = new Date(clock.nowMs()).toISOString();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { rejectedAt, code: 'HTTP_400', event: { name: 'a' } },
      { rejectedAt, code: 'HTTP_400', event: { name: 'b' } },
    ]);
    for (let count = 0; count < 100; count += 1) {
      clock.pass(1);
      spool.reject([JSON.stringify('x'.repeat(30_000))], 'HTTP_400');
    }
    const sizes = readdirSync(folder).map((name) => readFileSync(path.join(folder, name)).length);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(1.1 * 1024 * 1024);
    expect(spool.stats.rejectedCount).toBe(102);
  });
});

/** A disk on which nothing can be written while it is `full`. */
function fillable(): { disk: SpoolDisk; state: { full: boolean } } {
  const state = { full: false };
  const guarded = <T extends (...args: never[]) => unknown>(call: T): T =>
    ((...args: Parameters<T>) => {
      if (state.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return call(...args);
    }) as T;
  const { mkdirSync, openSync, writeFileSync, writeSync } = nodeDisk;
  return {
    state,
    disk: {
      ...nodeDisk,
      mkdirSync: guarded(mkdirSync),
      openSync: guarded(openSync),
      writeFileSync: guarded(writeFileSync),
      writeSync: guarded(writeSync),
    },
  };
}

describe('a spool on a disk that fails', () => {
  it('keeps events in memory, reports once, and writes them when the disk heals, by itself', async () => {
    const { disk, state } = fillable();
    const { spool, errors, clock } = rig({}, disk);
    state.full = true;
    for (const name of ['a', 'b']) {
      spool.append(event(name));
      await tickIsOver();
    }
    expect(spool.pendingCount).toBe(2);
    expect(spool.stats.isAvailable).toBe(false);
    expect(read(spool, { from: 0, end: 2 })).toEqual([event('a').json, event('b').json]);
    clock.pass(1_000);
    await vi.waitFor(() =>
      expect(errors).toEqual([
        expect.objectContaining({
          code: 'SPOOL_UNAVAILABLE',
          message: expect.stringContaining('no space left') as string,
          cause: expect.objectContaining({ code: 'ENOSPC' }) as Error,
        }),
      ]),
    );
    state.full = false;
    clock.pass(1_000);
    expect(spool.pendingCount).toBe(0);
    expect(spool.stats.isAvailable).toBe(true);
    expect(read(spool, { from: 0, end: 2 })).toEqual([event('a').json, event('b').json]);
  });

  it('is made all the same, and takes its folder when the disk heals', async () => {
    const { disk, state } = fillable();
    state.full = true;
    const { spool, errors, clock } = rig({}, disk);
    spool.append(event('a'));
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(readdirSync(dir)).toEqual([]);
    state.full = false;
    clock.pass(1_000);
    expect(spoolFiles()).toHaveLength(1);
  });

  it('takes a new folder when somebody removed the old one', async () => {
    const { spool, clock } = rig({ maxBytes: 1024 * 1024 });
    rmSync(path.join(dir, folders()[0]!), { recursive: true });
    spool.append(event('a'));
    await tickIsOver();
    clock.pass(1_000);
    expect(spoolFiles()).toHaveLength(1);
    expect(spool.stats.isAvailable).toBe(true);
  });

  it('leaves the folders of clients that only look like it alone', async () => {
    mkdirSync(path.join(dir, 'aaaaaaaa'));
    writeFileSync(path.join(dir, 'aaaaaaaa', LEASE_FILE), 'not JSON');
    const { adopted, errors } = rig();
    await leave('a');
    const { adopted: taken } = rig();
    await vi.waitFor(() => expect([...adopted, ...taken]).toHaveLength(1));
    expect(folders()).toContain('aaaaaaaa');
    expect(errors).toEqual([]);
  });
});

describe('the option spool', () => {
  it('has defaults', () => {
    expect(resolveSpool({ dir })).toEqual({ dir, fsync: 'never', maxBytes: 1024 ** 3 });
    expect(resolveSpool({ dir: 'relative' }).dir).toBe(path.resolve('relative'));
  });

  it.each([
    [true, /"spool" must be an object with a "dir"; found true/],
    [{}, /"spool.dir" must be the path of a folder; found undefined/],
    [{ dir: 'd', fsync: 'always' }, /"spool.fsync" must be one of never, batch; found "always"/],
    [{ dir: 'd', maxBytes: 1 }, /"spool.maxBytes" must be a whole number of at least 1048576; found 1/],
  ])('%j is refused by name', (options, words) => {
    expect(() => resolveSpool(options as SpoolOptions)).toThrow(words);
  });
});
