import { beforeEach, describe, expect, it } from 'vitest';
import { sampleEvent } from '../contract.ts';
import { readDurableEnds } from './durable-end.ts';
import { openSegmentLog } from './segment-log.ts';
import { SimulatedDisk } from './simulated-disk.ts';

describe('the durable end without a server', () => {
  let disk: SimulatedDisk;

  async function append(count: number, maxSegmentBytes = 1_000_000): Promise<void> {
    const log = await openSegmentLog({ dir: '/log', disk, maxSegmentBytes });
    const from = log.durableEnds[0]!;
    for (let n = from; n < from + count; n++) await log.append([sampleEvent(`m${n}`)]);
    await log.close();
  }
  const newest = () =>
    disk.files.get(
      [...disk.files.keys()]
        .filter((name) => name.endsWith('.segment'))
        .toSorted()
        .at(-1)!,
    )!;

  beforeEach(() => {
    disk = new SimulatedDisk(
      () => ({ kind: 'works' }),
      () => 0.5,
    );
  });

  it('is the start where there is no folder, and where there is no segment', async () => {
    await expect(readDurableEnds('/none')).resolves.toEqual({ 0: 0 });
    await append(0);
    await expect(readDurableEnds('/log', disk)).resolves.toEqual({ 0: 0 });
  });

  it('is behind the last event, whatever the segments', async () => {
    await append(3);
    await expect(readDurableEnds('/log', disk)).resolves.toEqual({ 0: 3 });
    await append(5, 200);
    await expect(readDurableEnds('/log', disk)).resolves.toEqual({ 0: 8 });
  });

  it('is before a torn commit, at every byte of it, and changes nothing', async () => {
    await append(2);
    const before = newest().inMemory.length;
    await append(1);
    const whole = Buffer.from(newest().inMemory);
    for (let length = before; length < whole.length; length++) {
      newest().inMemory = Buffer.from(whole.subarray(0, length));
      await expect(readDurableEnds('/log', disk)).resolves.toEqual({ 0: 2 });
      expect(newest().inMemory).toEqual(whole.subarray(0, length));
    }
  });

  it('is behind what is sound behind damage, as recovery has it', async () => {
    await append(4);
    newest().inMemory[60]! ^= 1;
    await expect(readDurableEnds('/log', disk)).resolves.toEqual({ 0: 4 });
    const log = await openSegmentLog({ dir: '/log', disk });
    expect(log.durableEnds).toEqual({ 0: 4 });
    await log.close();
  });

  it('refuses a segment of an unknown format version', async () => {
    await append(1);
    newest().inMemory.writeUInt32LE(9, 8);
    await expect(readDurableEnds('/log', disk)).rejects.toMatchObject({ code: 'unknown_version' });
  });
});
