import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scanFile } from './adoption.ts';
import { nodeDisk, type SpoolDisk } from './disk.ts';
import type { RecordedEvent } from './record.ts';
import { Store } from './store.ts';

const ID = '0123abcd';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'mr-store-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function storeOf(segmentBytes = 4_096, disk: SpoolDisk = nodeDisk): { store: Store; troubles: unknown[] } {
  const troubles: unknown[] = [];
  const onTrouble = (error: unknown): void => void troubles.push(error);
  return { store: new Store({ disk, nowMs: () => 1_000, segmentBytes, onTrouble }), troubles };
}

/** An event of 100 bytes. */
function event(name: number): RecordedEvent {
  const json = JSON.stringify(String(name).padEnd(98, '.'));
  return { json, bytes: json.length };
}

function append(store: Store, count: number): void {
  for (let name = 0; name < count; name += 1) store.append(event(name));
}

/** Names of all the events between two places, read as a client would. */
function readAll(store: Store, from: number, end: number): number[] {
  const names: number[] = [];
  for (let next = from; next < end;) {
    const { places, events } = store.read({ from: next, end });
    names.push(...events.map(({ json }) => Number.parseInt(JSON.parse(json) as string, 10)));
    next = places.end;
  }
  return names;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, name) => name);
const files = (): string[] => readdirSync(folder).toSorted();

async function adoptedByAnother(): Promise<Store> {
  const { store } = storeOf();
  const scans = await Promise.all(files().map((name) => scanFile(path.join(folder, name))));
  store.adopt(scans);
  return store;
}

describe('a store', () => {
  it('gives back what was appended, written or not, across files', () => {
    const { store } = storeOf();
    append(store, 100);
    expect(files()).toEqual([]);
    expect(readAll(store, 0, 100)).toEqual(upTo(100));
    store.write(folder, ID);
    append(store, 10);
    expect(files().length).toBeGreaterThan(2);
    expect(readAll(store, 0, 110)).toEqual([...upTo(100), ...upTo(10)]);
    expect(readAll(store, 37, 41)).toEqual([37, 38, 39, 40]);
  });

  it('removes a file once all of its events are settled, in whatever order', () => {
    const { store } = storeOf();
    append(store, 100);
    store.write(folder, ID);
    const before = files();
    store.settle({ from: 50, end: 100 });
    expect(files()).toEqual(before);
    expect(store.unsettledCount).toBe(50);
    store.settle({ from: 0, end: 50 });
    // The last one is still written to.
    expect(files()).toEqual(before.slice(-1));
    expect(store.unsettledCount).toBe(0);
    store.close();
    expect(files()).toEqual([]);
    expect(store.bytes).toBe(0);
  });

  it('leaves to the next process what is not settled, and only that', async () => {
    const { store } = storeOf();
    append(store, 100);
    store.write(folder, ID);
    store.settle({ from: 0, end: 40 });
    store.settle({ from: 45, end: 50 });
    const next = await adoptedByAnother();
    expect(readAll(next, 0, next.nextSeq)).toEqual(upTo(100).slice(40));
  });

  it('keeps any order of settling apart (property)', async () => {
    const batches = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(batches, fc.nat(), fc.infiniteStream(fc.nat()), async (sizes, kept, random) => {
        for (const name of files()) rmSync(path.join(folder, name));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const { store } = storeOf();
        append(store, total);
        store.write(folder, ID);
        let from = 0;
        const places = sizes.map((size) => ({ from, end: (from += size) }));
        const open = places.splice(kept % places.length, 1)[0]!;
        const shuffled = places.map((place) => ({ place, at: random.next().value }));
        for (const { place } of shuffled.toSorted((a, b) => a.at - b.at)) store.settle(place);
        expect(store.unsettledCount).toBe(open.end - open.from);
        const next = await adoptedByAnother();
        expect(readAll(next, 0, next.nextSeq)).toEqual(upTo(total).slice(open.from));
        store.close();
      }),
      { numRuns: 50 },
    );
  });

  it('puts adopted events behind its own, those that are not written yet included', async () => {
    const left = storeOf().store;
    append(left, 5);
    left.write(folder, ID);
    const { store } = storeOf();
    append(store, 3);
    store.adopt([await scanFile(path.join(folder, files()[0]!))]);
    append(store, 2);
    expect(readAll(store, 0, 10)).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 0, 1]);
    store.write(folder, 'ffffffff');
    expect(readAll(store, 0, 10)).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 0, 1]);
    store.settle({ from: 0, end: 10 });
    store.close();
    expect(files()).toEqual([]);
  });

  it('drops the oldest file that nobody has begun with', () => {
    const { store } = storeOf();
    append(store, 100);
    store.write(folder, ID);
    const bytes = store.bytes;
    const dropped = store.fileFrom(5)!;
    store.dropFile(dropped);
    expect(dropped.from).toBeGreaterThan(5);
    expect(store.bytes).toBeLessThan(bytes - 3_000);
    const rest = upTo(100).filter((name) => name < dropped.from || name >= dropped.end);
    expect(readAll(store, 0, 100)).toEqual(rest);
    expect(store.unsettledCount).toBe(rest.length);
  });

  it('says which events a damaged file has lost', () => {
    const { store } = storeOf();
    append(store, 10);
    store.write(folder, ID);
    const file = path.join(folder, files()[0]!);
    const bytes = readFileSync(file);
    bytes[bytes.length - 300] = 0;
    writeFileSync(file, bytes);
    const { places, events } = store.read({ from: 0, end: 10 });
    expect(places).toEqual({ from: 0, end: 10 });
    expect(events.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9]);
  });

  it('leaves a file that it cannot read on the disk, for another process to try', () => {
    const { store } = storeOf(4_096, {
      ...nodeDisk,
      readFileSync: () => {
        throw new Error('EIO');
      },
    });
    append(store, 10);
    store.write(folder, ID);
    expect(store.read({ from: 0, end: 10 })).toMatchObject({ places: { from: 0, end: 10 }, events: [] });
    store.settle({ from: 0, end: 10 });
    store.close();
    expect(files()).toHaveLength(1);
  });
});

/** Takes so many more bytes, the last of them a part of a write. */
function filling(limit: { bytes: number }): SpoolDisk {
  const writeSync = (fd: number, bytes: Buffer, offset: number, length: number, position: number): number => {
    if (limit.bytes <= 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const taken = Math.min(length, limit.bytes);
    limit.bytes -= taken;
    return nodeDisk.writeSync(fd, bytes, offset, taken, position);
  };
  return { ...nodeDisk, writeSync } as SpoolDisk;
}

describe('a store on a disk that fails', () => {
  it('has every event nonetheless, and writes them once there is room (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 9_000 }), fc.nat({ max: 60 }), async (room, settled) => {
        for (const name of files()) rmSync(path.join(folder, name));
        const limit = { bytes: room };
        const { store } = storeOf(4_096, filling(limit));
        append(store, 60);
        const write = (): string => {
          try {
            store.write(folder, ID);
            return 'written';
          } catch (error) {
            return (error as Error).message;
          }
        };
        // Sixty records of 116 bytes, and two file headers of 16.
        expect(write()).toBe(room >= 6_992 ? 'written' : 'no space left');
        expect(readAll(store, 0, 60)).toEqual(upTo(60));
        store.settle({ from: 0, end: settled });
        limit.bytes = Infinity;
        store.append(event(60));
        store.write(folder, ID);
        expect(store.pendingCount).toBe(0);
        expect(readAll(store, settled, 61)).toEqual(upTo(61).slice(settled));
        const next = await adoptedByAnother();
        expect(readAll(next, 0, next.nextSeq)).toEqual(upTo(61).slice(settled));
        store.settle({ from: settled, end: 61 });
        store.close();
        expect(files()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('reports that progress could not be noted, and goes on', () => {
    const limit = { bytes: 10_000 };
    const { store, troubles } = storeOf(4_096, filling(limit));
    append(store, 10);
    store.write(folder, ID);
    limit.bytes = 0;
    store.settle({ from: 0, end: 5 });
    expect(troubles).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    expect(store.unsettledCount).toBe(5);
  });
});
