import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { array, assert, asyncProperty, constantFrom, nat, record } from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { openSegmentLog, openSegmentReader } from '../log/index.ts';
import type { EventLog, LogReader, LogRecord, NewEvent } from '../log/log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { sqliteDrivers } from '../sqlite/drivers.ts';
import { IndexBuilder } from './index-builder.ts';
import { indexName, openIndexFolder } from './index-folder.ts';
import { createLogSearch } from './log-search.ts';
import { matcherOf } from './matches.ts';
import { followLog } from './open-index.ts';
import type { EventSearch, SearchCursor, SearchQuery } from './search.ts';

const never = new AbortController().signal;
const quiet = { warn: () => {} };
const noPause = { nowMs: () => Date.now(), sleep: () => Promise.resolve() };
const [driver] = sqliteDrivers();

let dir: string;
let undo: (() => Promise<void> | void)[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-search-'));
  undo = [];
});
afterEach(async () => {
  for (const step of undo.toReversed()) await step();
  await rm(dir, { recursive: true });
});

interface Rig {
  log: EventLog;
  openReader: () => LogReader;
}

function inMemory(partitionCount = 1, rangeMaxCount = 5): Rig {
  return memoryLog({ partitionCount, rangeMaxCount });
}

async function inSegments(maxSegmentBytes = 800): Promise<Rig> {
  const log = await openSegmentLog({ dir: join(dir, 'log'), maxSegmentBytes });
  undo.push(() => log.close());
  const openReader = () => {
    const reader = openSegmentReader({ dir: join(dir, 'log') });
    undo.push(() => reader.close());
    return reader;
  };
  return { log, openReader };
}

let nextId = 0;
function event(fields: Record<string, string>, receivedAtMs = 1_000, sourceId = 'web'): NewEvent {
  const messageId = fields['messageId'] ?? `m${nextId++}`;
  const json = Buffer.from(JSON.stringify({ type: 'track', ...fields, messageId }));
  return { sourceId, messageId, receivedAtMs, flags: 0, json };
}

async function build({ log, openReader }: Rig, given = driver!): Promise<IndexBuilder> {
  const builder = new IndexBuilder({
    dir: join(dir, 'index'),
    reader: openReader(),
    clock: noPause,
    logger: quiet,
    driver: given,
  });
  builder.setDurableEnds(log.durableEnds);
  await builder.catchUp();
  return builder;
}

function searchOf(
  { log, openReader }: Rig,
  more: Partial<Parameters<typeof createLogSearch>[0]> = {},
): EventSearch & { reads: number[]; unusable: string[] } {
  const reads: number[] = [];
  const unusable: string[] = [];
  const reader = openReader();
  const read = reader.read.bind(reader);
  reader.read = (partition, from, limit) => {
    reads.push(from);
    return read(partition, from, limit);
  };
  const search = createLogSearch({
    reader,
    bounds: () => ({ durableEnds: log.durableEnds, starts: log.starts }),
    folder: openIndexFolder({ dir: join(dir, 'index'), onUnusable: (name) => unusable.push(name) }),
    clock: systemClock,
    ...more,
  });
  return { ...search, reads, unusable };
}

async function all(search: EventSearch, query: SearchQuery, limit = 3): Promise<LogRecord[]> {
  const hits: LogRecord[] = [];
  let before: SearchCursor | undefined;
  do {
    const page = await search.find(query, { limit, ...(before && { before }) }, never);
    expect(page.hits.length).toBeLessThanOrEqual(limit);
    hits.push(...page.hits);
    before = page.next;
  } while (before);
  return hits;
}

async function everything({ log, openReader }: Rig): Promise<LogRecord[]> {
  const reader = openReader();
  reader.setDurableEnds(log.durableEnds);
  const found: LogRecord[] = [];
  for (const partition of Object.keys(log.durableEnds).map(Number)) {
    const limit = { maxCount: 10_000, maxBytes: 10_000_000 };
    found.push(...(await reader.read(partition, log.starts[partition] ?? 0, limit)));
  }
  return found;
}

const places = (records: LogRecord[]) => records.map(({ partition, position }) => `${partition}:${position}`);

const few = (...values: string[]) => constantFrom(...values);
const someEvent = record(
  {
    userId: few('u1', 'u2', ''),
    anonymousId: few('a1', 'a2'),
    event: few('Ordered', 'Viewed "it"', 'é'),
    type: few('track', 'page'),
    note: few('red', 'green'),
  },
  { requiredKeys: ['type'] },
);
const someQuery = record(
  {
    messageId: few('0', '7', 'x'),
    userId: few('u1', 'u2', ''),
    anonymousId: few('a1', 'a2'),
    event: few('Ordered', 'Viewed "it"', 'é'),
    type: few('track', 'page', 'group'),
    sourceId: few('web', 'app', 'tv'),
    fromMs: nat(40),
    toMs: nat(40),
    text: few('red', '"it"', 'é', 'absent'),
  },
  { requiredKeys: [] },
);

describe.each([
  ['a log in memory with three partitions', async () => inMemory(3)],
  ['a log of segments', () => inSegments()],
])('a search of %s', (_, open) => {
  it('finds what a look at every event finds, page by page, the newest first', async () => {
    await assert(
      asyncProperty(
        array(someEvent, { minLength: 1, maxLength: 40 }),
        array(someQuery, { minLength: 1, maxLength: 6 }),
        constantFrom('files', 'files and memory', 'nothing'),
        async (events, queries, indexed) => {
          await rm(join(dir, 'log'), { recursive: true, force: true });
          await rm(join(dir, 'index'), { recursive: true, force: true });
          const rig = await open();
          for (const [i, fields] of events.entries()) {
            await rig.log.append([
              event({ ...fields, messageId: String(i) }, i, i % 3 === 0 ? 'app' : 'web'),
            ]);
          }
          if (indexed !== 'nothing') await build(rig);
          const openIndex = followLog({ log: rig.log, reader: rig.openReader(), clock: systemClock });
          if (indexed === 'files and memory') {
            await vi.waitUntil(() =>
              Object.entries(rig.log.durableEnds).every(
                ([partition, end]) => (openIndex.covers(Number(partition))?.to ?? 0) === end,
              ),
            );
          }
          const search = searchOf(rig, indexed === 'files and memory' ? { openIndex } : {});
          for (const query of queries) {
            const expected = (await everything(rig)).filter(matcherOf(query));
            const found = await all(search, query);
            expect(new Set(places(found))).toEqual(new Set(places(expected)));
            expect(found).toHaveLength(expected.length);
            for (const partition of [0, 1, 2]) {
              const own = found.filter((hit) => hit.partition === partition).map(({ position }) => position);
              expect(own).toEqual(own.toSorted((a, b) => b - a));
            }
          }
          await openIndex.stop();
          for (const step of undo.splice(0).toReversed()) await step();
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});

it('reads nothing of the log for an id that is not there', async () => {
  const rig = inMemory();
  for (let i = 0; i < 23; i++) await rig.log.append([event({})]);
  await build(rig);
  const openIndex = followLog({ log: rig.log, reader: rig.openReader(), clock: systemClock });
  undo.push(() => openIndex.stop());
  await vi.waitFor(() => expect(openIndex.covers(0)?.to).toBe(23));
  const search = searchOf(rig, { openIndex });
  expect(await search.find({ messageId: 'none' }, { limit: 5 }, never)).toEqual({ hits: [] });
  expect(search.reads).toEqual([]);
});

it('finds among more events than one block takes', async () => {
  const rig = inMemory(1, 40_000);
  for (let i = 0; i < 41; i++) {
    await rig.log.append(
      Array.from({ length: 1_000 }, (_, k) =>
        event({ messageId: `b${i * 1_000 + k}`, event: k === 7 ? 'Rare' : 'Usual' }, i),
      ),
    );
  }
  await build(rig);
  const search = searchOf(rig);
  expect(places(await all(search, { messageId: 'b20000' }))).toEqual(['0:20000']);
  const rare = await all(search, { event: 'Rare' }, 10);
  expect(rare.map(({ position }) => position)).toEqual(
    Array.from({ length: 41 }, (_, i) => (40 - i) * 1_000 + 7),
  );
  search.reads.length = 0;
  expect(places(await all(search, { event: 'Rare', fromMs: 3, toMs: 5 }))).toEqual(['0:4007', '0:3007']);
});

describe.each(sqliteDrivers())('index files by $name', (given) => {
  it('are there for the sealed ranges, are used, and go with their ranges', async () => {
    const rig = await inSegments();
    for (let i = 0; i < 40; i++) await rig.log.append([event({ userId: `u${i}` })]);
    const reader = rig.openReader();
    reader.setDurableEnds(rig.log.durableEnds);
    const ranges = await reader.ranges(0);
    expect(ranges.length).toBeGreaterThan(3);
    const builder = await build(rig, given);
    expect(await readdir(join(dir, 'index'))).toHaveLength(ranges.length - 1);

    const folder = openIndexFolder({ dir: join(dir, 'index'), onUnusable: () => {}, driver: given });
    const search = searchOf(rig, { folder });
    const open = ranges.at(-1)!.from;
    expect(places(await all(search, { userId: 'u1' }))).toEqual(['0:1']);
    expect(search.reads.filter((from) => from < open)).toEqual([1]);

    await rig.log.trim(0, ranges[2]!.from);
    // A reader that is not told finds out when it looks for something newer.
    await rig.log.append([event({})]);
    builder.setDurableEnds(rig.log.durableEnds);
    await builder.catchUp();
    const left = await readdir(join(dir, 'index'));
    expect(left).not.toContain(indexName(ranges[1]!));
    expect(left).toContain(indexName(ranges[2]!));
    expect(await all(search, { userId: 'u1' })).toEqual([]);
  });
});

describe('an index file that cannot be used', () => {
  const harm: [string, (path: string) => Promise<void>][] = [
    ['of no database', (path) => writeFile(path, 'no database at all, but long enough '.repeat(200))],
    ['cut in half', (path) => truncate(path, 8_192)],
    ['of nothing', (path) => truncate(path, 0)],
  ];
  it.each(harm)(
    '%s is told of once, and the log read instead; the next builder makes it anew',
    async (_, ruin) => {
      const rig = inMemory();
      for (let i = 0; i < 12; i++) await rig.log.append([event({ userId: `u${i}` })]);
      await build(rig);
      const [name] = await readdir(join(dir, 'index'));
      await ruin(join(dir, 'index', name!));
      const search = searchOf(rig);
      expect(places(await all(search, { userId: 'u1' }))).toEqual(['0:1']);
      expect(places(await all(search, { userId: 'u2' }))).toEqual(['0:2']);
      expect(search.unusable).toEqual([name]);
      await build(rig);
      const again = searchOf(rig);
      expect(places(await all(again, { userId: 'u1' }))).toEqual(['0:1']);
      expect(again.unusable).toEqual([]);
    },
  );

  it('of another log is none of ours', async () => {
    const other = memoryLog({ rangeMaxCount: 5, clock: { nowMs: () => 7 } });
    const rig = inMemory();
    for (let i = 0; i < 12; i++) {
      await other.log.append([event({ userId: `other${i}` })]);
      await rig.log.append([event({ userId: `u${i}` })]);
    }
    await build(other);
    expect(places(await all(searchOf(rig), { userId: 'u1' }))).toEqual(['0:1']);
    await build(rig);
    const search = searchOf(rig);
    expect(places(await all(search, { userId: 'u1' }))).toEqual(['0:1']);
    expect(search.unusable).toEqual([]);
  });
});

it('removes what a builder that died left half done, and builds it again', async () => {
  const rig = inMemory();
  for (let i = 0; i < 7; i++) await rig.log.append([event({ userId: `u${i}` })]);
  await build(rig);
  const [name] = await readdir(join(dir, 'index'));
  const path = join(dir, 'index', name!);
  await rm(path);
  await writeFile(`${path}.tmp`, 'half of an index');
  await build(rig);
  expect(existsSync(`${path}.tmp`)).toBe(false);
  expect(places(await all(searchOf(rig), { userId: 'u1' }))).toEqual(['0:1']);
});

it('leaves nothing behind where it is stopped in the middle', async () => {
  const rig = inMemory(1, 1_000);
  await rig.log.append(Array.from({ length: 1_001 }, () => event({})));
  let builder: IndexBuilder | undefined;
  let sliceCount = 0;
  const sleep = () => {
    if (++sliceCount === 2) void builder?.stop();
    return Promise.resolve();
  };
  const clock = { nowMs: () => Date.now(), sleep };
  builder = new IndexBuilder({ dir: join(dir, 'index'), reader: rig.openReader(), clock, logger: quiet });
  builder.setDurableEnds(rig.log.durableEnds);
  await builder.catchUp();
  expect(sliceCount).toBe(2);
  expect(await readdir(join(dir, 'index'))).toEqual([]);
});

it('ends a page when its time is over, says how far it got, and goes on from there', async () => {
  const rig = inMemory(1, 10_000);
  for (let i = 0; i < 5; i++)
    await rig.log.append(Array.from({ length: 1_000 }, () => event({ note: `n${i}` }, i)));
  let nowMs = 0;
  const search = searchOf(rig, { clock: { nowMs: () => (nowMs += 400) } });
  const first = await search.find({ text: 'n0' }, { limit: 1 }, never);
  expect(first).toEqual({ hits: [], next: { 0: 2_000 }, searchedToMs: 2 });
  const second = await search.find({ text: 'n0' }, { limit: 1, before: first.next! }, never);
  expect(second.hits).toHaveLength(1);
});

it('ends when it is told to, in the middle', async () => {
  const rig = inMemory(1, 10_000);
  await rig.log.append(Array.from({ length: 5_000 }, () => event({})));
  const asker = new AbortController();
  let looks = 0;
  const nowMs = () => {
    if (++looks === 3) asker.abort(new Error('enough'));
    return 0;
  };
  const search = searchOf(rig, { clock: { nowMs } });
  await expect(search.find({ text: 'absent' }, { limit: 1 }, asker.signal)).rejects.toThrow('enough');
  expect(search.reads.length).toBeLessThan(5);
});

it('finds text that its sender wrote with escapes', async () => {
  const rig = inMemory();
  const json = Buffer.from('{"type":"track","messageId":"e","event":"caf\\u00e9"}');
  await rig.log.append([{ sourceId: 'web', messageId: 'e', receivedAtMs: 1, flags: 0, json }]);
  expect(places(await all(searchOf(rig), { text: 'café' }))).toEqual(['0:0']);
  expect(places(await all(searchOf(rig), { event: 'café' }))).toEqual(['0:0']);
});

it('keeps in memory no more than it may, and what it dropped is read', async () => {
  const rig = inMemory(1, 100_000);
  for (let i = 0; i < 40; i++)
    await rig.log.append(Array.from({ length: 1_000 }, (_, k) => event({ messageId: `c${i * 1_000 + k}` })));
  const clock = { sleep: () => new Promise<void>((resolve) => void setImmediate(resolve)) };
  const openIndex = followLog({ log: rig.log, reader: rig.openReader(), clock, maxBytes: 500_000 });
  undo.push(() => openIndex.stop());
  await vi.waitFor(() => expect(openIndex.covers(0)?.to).toBe(40_000), { timeout: 20_000 });
  expect(openIndex.covers(0)!.from).toBeGreaterThan(0);
  const search = searchOf(rig, { openIndex });
  expect(places(await all(search, { messageId: 'c5' }))).toEqual(['0:5']);
  expect(places(await all(search, { messageId: 'c39999' }))).toEqual(['0:39999']);
}, 30_000);
