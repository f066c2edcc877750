import { beforeEach, describe, expect, it } from 'vitest';
import { sampleEvent } from '../contract.ts';
import type { EventLog, LogRange } from '../log.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog } from './segment-log.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const HOUR_MS = 3_600_000;

describe('a segment', () => {
  let disk: SimulatedDisk;
  let nowMs: number;
  let log: EventLog;

  const open = (maxSegmentBytes?: number) =>
    openSegmentLog({
      dir: '/log',
      disk,
      clock: { nowMs: () => nowMs },
      ...(maxSegmentBytes !== undefined && { maxSegmentBytes }),
    });
  const append = (id: string, jsonBytes = 20) =>
    log.append([sampleEvent(id, { json: Buffer.alloc(jsonBytes, ' ') })]);
  const ranges = async (): Promise<LogRange[]> => {
    const reader = openSegmentReader({ dir: '/log', disk, durableEnds: log.durableEnds });
    return reader.ranges(0);
  };

  beforeEach(async () => {
    nowMs = 1_000;
    disk = new SimulatedDisk(
      () => ({ kind: 'works' }),
      () => 0.5,
    );
    log = await open();
  });

  it('is sealed by the first append that comes an hour after it was made', async () => {
    await append('m0');
    nowMs += HOUR_MS - 1;
    await append('m1');
    await expect(ranges()).resolves.toMatchObject([{ from: 0, to: undefined, createdAtMs: 1_000 }]);
    nowMs += 1;
    await append('m2');
    await expect(ranges()).resolves.toMatchObject([
      { from: 0, to: 2, createdAtMs: 1_000 },
      { from: 2, to: undefined, createdAtMs: nowMs },
    ]);
  });

  it('has its age from when it was made, whenever the log was opened', async () => {
    await append('m0');
    await log.close();
    nowMs += HOUR_MS / 2;
    log = await open();
    await append('m1');
    nowMs += HOUR_MS / 2;
    await append('m2');
    await expect(ranges()).resolves.toMatchObject([{ to: 2 }, { to: undefined }]);
  });

  it('is not made while nothing comes', async () => {
    await append('m0');
    nowMs += 100 * HOUR_MS;
    await log.close();
    log = await open();
    await log.append([sampleEvent('m0')]);
    expect([...disk.files.keys()].filter((name) => name.endsWith('.segment'))).toHaveLength(1);
  });

  it('is sealed before it would grow past its bound, and holds one commit whatever its size', async () => {
    await log.close();
    log = await open(1000);
    await append('m0', 300);
    await append('m1', 300);
    await append('m2', 400);
    await append('m3', 5000);
    const found = await ranges();
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      [0, 2],
      [2, 3],
      [3, undefined],
    ]);
    expect(found.map(({ bytes }) => bytes <= 1000)).toEqual([true, true, false]);
  });
});
