import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { sampleEvent } from '../log/contract.ts';
import { openSegmentLog, openSegmentReader } from '../log/index.ts';
import { LogReadError, type LogReader, type Position } from '../log/log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { startPosition } from './start-position.ts';

/** A log with an event at each of the times, so many to a range; from `trimTo` on. */
async function logOf(
  timesMs: readonly number[],
  rangeMaxCount = 1_000,
  trimTo: Position = 0,
): Promise<{ reader: LogReader; end: Position; readCount: () => number }> {
  const memory = memoryLog({ rangeMaxCount });
  const { log } = memory;
  for (const [i, receivedAtMs] of timesMs.entries()) {
    await log.append([
      { sourceId: 's', messageId: String(i), receivedAtMs, flags: 0, json: Buffer.from('{}') },
    ]);
  }
  await log.trim(0, trimTo);
  const inner = memory.openReader();
  inner.setDurableEnds(log.durableEnds);
  inner.setStarts(log.starts);
  const read = vi.fn<LogReader['read']>((...args) => inner.read(...args));
  const reader: LogReader = { ...inner, read };
  return { reader, end: log.durableEnds[0] ?? 0, readCount: () => read.mock.calls.length };
}

const times = [100, 200, 200, 300, 400];

describe('where a new destination begins', () => {
  it.each([
    ['now', 5],
    ['earliest', 0],
    [0, 0],
    [100, 0],
    [101, 1],
    [200, 1],
    [250, 3],
    [400, 4],
    [401, 5],
    ['1970-01-01T00:00:00.250Z', 3],
    ['1970-01-01T01:00:00.300+01:00', 3],
    ['2100-01-01', 5],
  ])('from %j on, at %d', async (start, position) => {
    for (const rangeMaxCount of [1, 2, 1_000]) {
      const { reader, end } = await logOf(times, rangeMaxCount);
      expect(await startPosition(start, { reader, partition: 0, end })).toBe(position);
    }
  });

  it.each(['now', 'earliest', 5])('of an empty log is its end: %j', async (start) => {
    const { reader, end } = await logOf([]);
    expect(await startPosition(start, { reader, partition: 0, end })).toBe(end);
  });

  it('is never before what the log still has', async () => {
    const { reader, end } = await logOf(times, 2, 2);
    expect(await startPosition('earliest', { reader, partition: 0, end })).toBe(2);
    expect(await startPosition(0, { reader, partition: 0, end })).toBe(2);
  });

  it('is found in few reads, with nothing from then on before it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 200 }),
        fc.nat({ max: 500 }),
        fc.integer({ min: 1, max: 50 }),
        async (unordered, start, rangeMaxCount) => {
          const ordered = unordered.toSorted((a, b) => a - b);
          const { reader, end, readCount } = await logOf(ordered, rangeMaxCount);
          const found = await startPosition(start, { reader, partition: 0, end });
          expect(found).toBe(ordered.filter((time) => time < start).length);
          expect(readCount()).toBeLessThanOrEqual(18);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is before what is damaged', async () => {
    const { reader, end } = await logOf(times);
    const damaged: LogReader = {
      ...reader,
      read: async (partition, from, limit) => {
        if (from === 2) throw new LogReadError('damaged', 'a bad frame');
        return reader.read(partition, from, limit);
      },
    };
    expect(await startPosition(400, { reader: damaged, partition: 0, end })).toBe(2);
    const broken: LogReader = {
      ...reader,
      read: () => Promise.reject(new LogReadError('io', 'the disk')),
    };
    await expect(startPosition(400, { reader: broken, partition: 0, end })).rejects.toThrow('the disk');
  });

  it.each([
    [900, 90],
    [1_234, 124],
    [5_000, 500],
    [0, 0],
  ])('is found in segment files, from %d ms on', async (start, position) => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-start-'));
    const log = await openSegmentLog({ dir, maxSegmentBytes: 8_192 });
    const reader = openSegmentReader({ dir });
    try {
      for (let i = 0; i < 500; i += 25) {
        await log.append(
          Array.from({ length: 25 }, (_, j) => sampleEvent(`m${i + j}`, { receivedAtMs: (i + j) * 10 })),
        );
      }
      reader.setDurableEnds(log.durableEnds);
      expect((await reader.ranges(0)).length).toBeGreaterThan(3);
      expect(await startPosition(start, { reader, partition: 0, end: 500 })).toBe(position);
    } finally {
      await reader.close();
      await log.close();
      await rm(dir, { recursive: true });
    }
  });
});
