import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  DurableEnds,
  EventLog,
  LogRange,
  LogReader,
  LogRecord,
  LogStarts,
  NewEvent,
  Position,
} from './log.ts';

/** How a driver presents itself to the suite that every driver passes. */
export interface LogDriver {
  name: string;
  /** More than one: the suite also checks that each has an order of its own. */
  partitionCount: number;
  /** What was appended is still there when the log is opened again. */
  isPersistent: boolean;
  /** Each event that is appended alone seals the range before it. Else all of the suite's are in one range. */
  sealsEachCommit: boolean;
  /** A new, empty log. */
  create(): Promise<LogUnderTest>;
}

export interface LogUnderTest {
  log: EventLog;
  /** A reader that was not told any durable end. */
  openReader(): LogReader;
  /** Until all that is sealed may be given up. */
  idle?(): Promise<void>;
  /** The same log again, after `log` was closed. */
  reopen?(): Promise<EventLog>;
  destroy(): Promise<void>;
}

/** One event with its own messageId in what it says. */
export function sampleEvent(messageId: string, fields: Partial<NewEvent> = {}): NewEvent {
  return {
    sourceId: 'web',
    messageId,
    receivedAtMs: 1_700_000_000_000,
    flags: 0,
    json: Buffer.from(JSON.stringify({ type: 'track', messageId })),
    ...fields,
  };
}

const ANY_SIZE = { maxCount: 1_000_000, maxBytes: Infinity };

/** All that is durable, by partition and position. */
export async function readAll(
  reader: LogReader,
  ends: DurableEnds,
  starts: LogStarts = {},
): Promise<LogRecord[]> {
  reader.setDurableEnds(ends);
  const records: LogRecord[] = [];
  for (const partition of Object.keys(ends).map(Number)) {
    records.push(...(await reader.read(partition, starts[partition] ?? 0, ANY_SIZE)));
  }
  return records;
}

export function messageIds(records: readonly LogRecord[]): string[] {
  return records.map(({ json }) => (JSON.parse(json.toString()) as { messageId: string }).messageId);
}

export function describeLogContract(driver: LogDriver): void {
  describe(`log contract: ${driver.name}`, () => {
    let under: LogUnderTest;
    let log: EventLog;
    let reader: LogReader;

    beforeEach(async () => {
      under = await driver.create();
      log = under.log;
      reader = under.openReader();
    });
    afterEach(async () => {
      await reader.close();
      await log.close();
      await under.destroy();
    });

    /** Appends events of one source, so of one partition, and returns that with the positions. */
    async function appendAll(events: NewEvent[]): Promise<{ partition: number; positions: Position[] }> {
      await log.append(events);
      const records = await readAll(reader, log.durableEnds);
      const partition = records[0]?.partition ?? 0;
      return { partition, positions: records.map(({ position }) => position) };
    }

    it('gives back every field of an event', async () => {
      const event = sampleEvent('m1', {
        sourceId: 'søurce',
        receivedAtMs: 1_763_000_000_123,
        flags: 0x8001,
        json: Buffer.from('{"messageId":"m1","name":"Zoë 🐎"}'),
      });
      await expect(log.append([event])).resolves.toEqual(['appended']);
      const [record, ...rest] = await readAll(reader, log.durableEnds);
      expect(rest).toEqual([]);
      expect(record).toMatchObject({ sourceId: 'søurce', receivedAtMs: 1_763_000_000_123, flags: 0x8001 });
      expect(record?.json.equals(event.json)).toBe(true);
    });

    it('starts empty, with an end for each partition', async () => {
      expect(Object.keys(log.durableEnds)).toHaveLength(driver.partitionCount);
      await expect(readAll(reader, log.durableEnds)).resolves.toEqual([]);
      await expect(log.append([])).resolves.toEqual([]);
    });

    it('keeps the order of appends made without waiting', async () => {
      const ids = Array.from({ length: 50 }, (_, i) => `m${i}`);
      await Promise.all(ids.map((id) => log.append([sampleEvent(id)])));
      const records = await readAll(reader, log.durableEnds);
      expect(messageIds(records)).toEqual(ids);
      const positions = records.map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(new Set(positions).size).toBe(ids.length);
    });

    it('finds duplicates across appends, within one, and in flight', async () => {
      const one = sampleEvent('one');
      const two = sampleEvent('two');
      await expect(log.append([one, one, two])).resolves.toEqual(['appended', 'duplicate', 'appended']);
      await expect(log.append([two])).resolves.toEqual(['duplicate']);
      const three = sampleEvent('three');
      await expect(Promise.all([log.append([three]), log.append([three, one])])).resolves.toEqual([
        ['appended'],
        ['duplicate', 'duplicate'],
      ]);
      expect(messageIds(await readAll(reader, log.durableEnds))).toEqual(['one', 'two', 'three']);
    });

    it('keeps the same messageId of two sources apart', async () => {
      const events = [sampleEvent('m', { sourceId: 'a' }), sampleEvent('m', { sourceId: 'b' })];
      await expect(log.append(events)).resolves.toEqual(['appended', 'appended']);
    });

    it('tells listeners the new ends after each commit, until they stop', async () => {
      const listener = vi.fn<(ends: DurableEnds) => void>();
      const stop = log.onDurable(listener);
      await log.append([sampleEvent('m1')]);
      await vi.waitFor(() => expect(listener).toHaveBeenLastCalledWith(log.durableEnds));
      stop();
      listener.mockClear();
      await log.append([sampleEvent('m2')]);
      const after = vi.fn<(ends: DurableEnds) => void>();
      log.onDurable(after);
      await log.append([sampleEvent('m3')]);
      await vi.waitFor(() => expect(after).toHaveBeenCalled());
      expect(listener).not.toHaveBeenCalled();
    });

    it('reads from any position on', async () => {
      const { partition, positions } = await appendAll(['m0', 'm1', 'm2', 'm3'].map((id) => sampleEvent(id)));
      for (const start of [2, 0, 3, 1]) {
        const records = await reader.read(partition, positions[start] ?? -1, ANY_SIZE);
        expect(messageIds(records)).toEqual(['m0', 'm1', 'm2', 'm3'].slice(start));
      }
    });

    it('stops at the bounds, and returns at least one event', async () => {
      const { partition } = await appendAll(['m0', 'm1', 'm2'].map((id) => sampleEvent(id)));
      const idsRead = async (maxCount: number, maxBytes: number): Promise<string[]> =>
        messageIds(await reader.read(partition, 0, { maxCount, maxBytes }));
      const eventBytes = sampleEvent('m0').json.length;
      await expect(idsRead(2, Infinity)).resolves.toEqual(['m0', 'm1']);
      await expect(idsRead(10, 2 * eventBytes)).resolves.toEqual(['m0', 'm1']);
      await expect(idsRead(10, 2 * eventBytes - 1)).resolves.toEqual(['m0']);
      await expect(idsRead(10, 1)).resolves.toEqual(['m0']);
    });

    it('never passes the durable ends that a reader was given', async () => {
      const { partition, positions } = await appendAll(['m0', 'm1', 'm2'].map((id) => sampleEvent(id)));
      const end = positions[2] ?? -1;
      reader.setDurableEnds({ [partition]: end });
      expect(messageIds(await reader.read(partition, 0, ANY_SIZE))).toEqual(['m0', 'm1']);
      await expect(reader.read(partition, end, ANY_SIZE)).resolves.toEqual([]);
      await expect(reader.read(partition, end + 1, ANY_SIZE)).rejects.toMatchObject({ code: 'beyond_end' });
    });

    it('shows nothing to a reader that was given no end', async () => {
      await log.append([sampleEvent('m0')]);
      await expect(reader.read(0, 0, ANY_SIZE)).resolves.toEqual([]);
      await expect(reader.read(0, 1, ANY_SIZE)).rejects.toMatchObject({ code: 'beyond_end' });
    });

    it('serves readers at different places, and one that is asked twice at once', async () => {
      const { partition, positions } = await appendAll(['m0', 'm1', 'm2'].map((id) => sampleEvent(id)));
      const other = under.openReader();
      other.setDurableEnds(log.durableEnds);
      const reads = await Promise.all([
        reader.read(partition, positions[2] ?? -1, ANY_SIZE),
        reader.read(partition, 0, ANY_SIZE),
        other.read(partition, positions[1] ?? -1, ANY_SIZE),
      ]);
      expect(reads.map(messageIds)).toEqual([['m2'], ['m0', 'm1', 'm2'], ['m1', 'm2']]);
      await other.close();
    });

    it('goes on with events that are appended later', async () => {
      const { partition } = await appendAll([sampleEvent('m0')]);
      const seen: string[] = [];
      let next: Position = 0;
      for (const id of ['m1', 'm2', 'm3']) {
        await log.append([sampleEvent(id)]);
        reader.setDurableEnds(log.durableEnds);
        const records = await reader.read(partition, next, ANY_SIZE);
        seen.push(...messageIds(records));
        next = (records.at(-1)?.position ?? -1) + 1;
      }
      expect(seen).toEqual(['m0', 'm1', 'm2', 'm3']);
    });

    it('finishes on close what is in flight, and refuses what comes later', async () => {
      const inFlight = log.append([sampleEvent('m0')]);
      await Promise.all([log.close(), log.close()]);
      await expect(inFlight).resolves.toEqual(['appended']);
      await expect(log.append([sampleEvent('m1')])).rejects.toMatchObject({ code: 'shutting_down' });
    });

    it("keeps each source's order in one of the partitions", async () => {
      const sources = Array.from({ length: 8 }, (_, i) => `source-${i}`);
      await Promise.all(
        ['m0', 'm1', 'm2'].map((id) => log.append(sources.map((sourceId) => sampleEvent(id, { sourceId })))),
      );
      const records = await readAll(reader, log.durableEnds);
      expect(records).toHaveLength(24);
      const used = new Set(records.map(({ partition }) => partition));
      expect(used.size).toBeGreaterThanOrEqual(Math.min(2, driver.partitionCount));
      for (const source of sources) {
        const own = records.filter(({ sourceId }) => sourceId === source);
        expect(messageIds(own)).toEqual(['m0', 'm1', 'm2']);
        expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      }
    });

    it('has a range for each stretch, whose events it holds and no others', async () => {
      await expect(reader.ranges(0)).resolves.toEqual([]);
      for (const id of ['m0', 'm1', 'm2']) await log.append([sampleEvent(id)]);
      const [own] = await readAll(reader, log.durableEnds);
      const ranges = await reader.ranges(own?.partition ?? -1);
      const bounds = ranges.map(({ from, to }) => [from, to]);
      expect(bounds).toEqual(
        driver.sealsEachCommit
          ? [
              [0, 1],
              [1, 2],
              [2, undefined],
            ]
          : [[0, undefined]],
      );
      for (const { partition, createdAtMs, bytes } of ranges) {
        expect(partition).toBe(own?.partition);
        expect(Math.abs(Date.now() - createdAtMs)).toBeLessThan(60_000);
        expect(bytes).toBeGreaterThan(0);
      }
    });

    it('shows a range as sealed only with something durable behind it, to each reader by its own end', async () => {
      const { partition } = await appendAll([sampleEvent('m0')]);
      await appendAll([sampleEvent('m1')]);
      const other = under.openReader();
      const bounds = async (end: Position): Promise<unknown> => {
        other.setDurableEnds({ [partition]: end });
        return (await other.ranges(partition)).map(({ from, to }) => [from, to]);
      };
      await expect(bounds(0)).resolves.toEqual([]);
      await expect(bounds(1)).resolves.toEqual([[0, undefined]]);
      const sealed = [
        [0, 1],
        [1, undefined],
      ];
      await expect(bounds(2)).resolves.toEqual(driver.sealsEachCommit ? sealed : [[0, undefined]]);
      await other.close();
    });

    it('tells each range that it seals, as readers then see it, until the listener stops', async () => {
      const told: LogRange[] = [];
      const stop = log.onSealed((range) => {
        expect(log.durableEnds[range.partition]).toBeGreaterThanOrEqual(range.to ?? Infinity);
        told.push(range);
      });
      for (const id of ['m0', 'm1', 'm2']) await log.append([sampleEvent(id)]);
      const [own] = await readAll(reader, log.durableEnds);
      const sealed = (await reader.ranges(own?.partition ?? -1)).slice(0, -1);
      await vi.waitFor(() => expect(told).toEqual(sealed));
      expect(sealed).toHaveLength(driver.sealsEachCommit ? 2 : 0);
      stop();
      await log.append([sampleEvent('m3')]);
      await log.close();
      expect(told).toHaveLength(sealed.length);
    });

    it('takes positions that were stored as text and read again', async () => {
      const { partition, positions } = await appendAll(['m0', 'm1', 'm2'].map((id) => sampleEvent(id)));
      const stored = JSON.parse(JSON.stringify({ positions, ends: log.durableEnds })) as {
        positions: Position[];
        ends: DurableEnds;
      };
      reader.setDurableEnds(stored.ends);
      expect(messageIds(await reader.read(partition, stored.positions[1] ?? -1, ANY_SIZE))).toEqual([
        'm1',
        'm2',
      ]);
    });

    it('lets any number of readers follow by its durable ends, without asking again and again', async () => {
      const readers = Array.from({ length: 20 }, () => under.openReader());
      const seen = readers.map((): string[] => []);
      let readCount = 0;
      const following = readers.map(async (own, i) => {
        let wake: (() => void) | undefined;
        let ends: DurableEnds | undefined;
        const stop = log.onDurable((durable) => {
          ends = durable;
          wake?.();
        });
        const next = new Map<number, Position>();
        while (seen[i]!.length < 6) {
          if (!ends) await new Promise<void>((resolve) => (wake = resolve));
          const current: DurableEnds = ends ?? {};
          ends = undefined;
          own.setDurableEnds(current);
          for (const partition of Object.keys(current).map(Number)) {
            readCount++;
            const records = await own.read(partition, next.get(partition) ?? 0, ANY_SIZE);
            seen[i]!.push(...messageIds(records));
            next.set(partition, current[partition]!);
          }
        }
        stop();
        await own.close();
      });
      const ids = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'];
      for (const id of ids) await log.append([sampleEvent(id)]);
      await Promise.all(following);
      for (const each of seen) expect(each).toEqual(ids);
      expect(readCount).toBeLessThanOrEqual(readers.length * ids.length * driver.partitionCount);
    });

    it('refuses positions of one partition that lie beyond its own end, whatever the others hold', async () => {
      const sources = Array.from({ length: 8 }, (_, i) => `source-${i}`);
      await log.append(sources.map((sourceId) => sampleEvent('m', { sourceId })));
      reader.setDurableEnds(log.durableEnds);
      for (const partition of Object.keys(log.durableEnds).map(Number)) {
        const end = log.durableEnds[partition] ?? -1;
        await expect(reader.read(partition, end, ANY_SIZE)).resolves.toEqual([]);
        await expect(reader.read(partition, end + 1, ANY_SIZE)).rejects.toMatchObject({ code: 'beyond_end' });
        const ranges = await reader.ranges(partition);
        for (const range of ranges) expect(range.partition).toBe(partition);
        const records = await reader.read(partition, 0, ANY_SIZE);
        expect(ranges.length > 0).toBe(records.length > 0);
      }
      await expect(reader.ranges(driver.partitionCount)).resolves.toEqual([]);
    });

    it('gives up whole ranges up to a position, never the open one nor one that ends behind it', async () => {
      const { partition } = await appendAll(['m0', 'm1'].map((id) => sampleEvent(id)));
      for (const id of ['m2', 'm3', 'm4']) await log.append([sampleEvent(id)]);
      reader.setDurableEnds(log.durableEnds);
      const before = await reader.ranges(partition);
      for (const upTo of [0, 1, 3, 1_000_000]) {
        await under.idle?.();
        await log.trim(partition, upTo);
        const kept = before.filter(({ to }) => to === undefined || to > upTo);
        expect(log.starts[partition]).toBe(kept[0]?.from);
        reader.setStarts(log.starts);
        await expect(reader.ranges(partition)).resolves.toEqual(kept);
        const ids = messageIds(await readAll(reader, log.durableEnds, log.starts));
        expect(ids).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'].slice(log.starts[partition]));
      }
      expect(log.starts[partition]).toBe(driver.sealsEachCommit ? before.at(-1)?.from : 0);
    });

    it('says of what was given up that it was, to each reader, wherever that stood', async () => {
      const { partition } = await appendAll([sampleEvent('m0')]);
      const others = [under.openReader(), under.openReader()];
      for (const other of others) other.setDurableEnds(log.durableEnds);
      await others[0]!.read(partition, 0, ANY_SIZE);
      await others[1]!.ranges(partition);
      for (const id of ['m1', 'm2']) await log.append([sampleEvent(id)]);
      await under.idle?.();
      await log.trim(partition, 2);
      const start = driver.sealsEachCommit ? 2 : 0;
      expect(log.starts[partition]).toBe(start);
      others.push(under.openReader());
      for (const other of others) {
        other.setDurableEnds(log.durableEnds);
        const before = other
          .read(partition, start - 1, ANY_SIZE)
          .catch((error: { code: string }) => error.code);
        expect(start === 0 ? 'trimmed' : await before).toBe('trimmed');
        expect(messageIds(await other.read(partition, start, ANY_SIZE))).toContain('m2');
        await other.close();
      }
    });

    it('goes on after a trim, and still knows what it gave up', async () => {
      const { partition } = await appendAll([sampleEvent('m0')]);
      for (const id of ['m1', 'm2']) await log.append([sampleEvent(id)]);
      await Promise.all([log.trim(partition, 1), log.append([sampleEvent('m3')]), log.trim(partition, 2)]);
      await expect(log.append([sampleEvent('m0'), sampleEvent('m4')])).resolves.toEqual([
        'duplicate',
        'appended',
      ]);
      const ids = messageIds(await readAll(reader, log.durableEnds, log.starts));
      expect(ids.slice(-3)).toEqual(['m2', 'm3', 'm4']);
      await log.trim(driver.partitionCount, 1);
    });

    if (!driver.isPersistent) return;

    it('starts where it was trimmed to when it is opened again', async () => {
      for (const id of ['m0', 'm1', 'm2']) await log.append([sampleEvent(id)]);
      await under.idle?.();
      await log.trim(0, 2);
      const { starts } = log;
      await log.close();
      log = (await under.reopen?.()) ?? log;
      expect(log.starts).toEqual(starts);
      expect(starts[0]).toBe(driver.sealsEachCommit ? 2 : 0);
      await expect(log.append([sampleEvent('m0')])).resolves.toEqual(['duplicate']);
      expect(messageIds(await readAll(reader, log.durableEnds, starts))).toContain('m2');
    });

    it('is the same log when it is opened again', async () => {
      await log.append([sampleEvent('m0'), sampleEvent('m1')]);
      const ends = log.durableEnds;
      await log.close();
      log = (await under.reopen?.()) ?? log;
      expect(log.durableEnds).toEqual(ends);
      await expect(log.append([sampleEvent('m1'), sampleEvent('m2')])).resolves.toEqual([
        'duplicate',
        'appended',
      ]);
      expect(messageIds(await readAll(reader, log.durableEnds))).toEqual(['m0', 'm1', 'm2']);
    });
  });
}
