import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { messageIds, sampleEvent } from '../contract.ts';
import { LogReadError } from '../log.ts';
import { openSegmentReader } from './reader.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';
import { openSegmentLog, type SegmentLog } from './segment-log.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const NAME = '0000000001.segment';
const IDS = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'];

describe('recovery of a segment that was not closed', () => {
  let disk: SimulatedDisk;
  let log: SegmentLog;
  let sound: Buffer;
  /** Where the frames start; each has one event. */
  let starts: number[];

  const open = () => openSegmentLog({ dir: '/log', disk });
  const append = (...ids: string[]) => log.append(ids.map((id) => sampleEvent(id)));
  const bytes = () => disk.files.get(NAME)!.inMemory;
  const read = async (from: number): Promise<string[]> => {
    const reader = openSegmentReader({ dir: '/log', disk, durableEnds: log.durableEnds });
    return messageIds(await reader.read(0, from, { maxCount: 100, maxBytes: Infinity }));
  };

  beforeEach(async () => {
    disk = new SimulatedDisk(
      () => ({ kind: 'works' }),
      () => 0.5,
    );
    log = await open();
    starts = [];
    for (const id of IDS) {
      starts.push(disk.files.get(NAME)?.inMemory.length ?? SEGMENT_HEADER_BYTES);
      await append(id);
    }
    await log.close();
    sound = Buffer.from(bytes());
  });

  it('keeps answered events behind damage, says where it is, and goes on in a new segment', async () => {
    const damaged = Buffer.from(sound);
    damaged[starts[2]! + 40]! ^= 1;
    disk.files.get(NAME)!.inMemory = damaged;
    log = await open();
    expect(log.cut).toBe(undefined);
    expect(log.damage).toEqual([{ segment: NAME, offsetBytes: starts[2], reason: 'the CRC does not match' }]);
    expect(bytes()).toEqual(damaged);
    expect(log.durableEnds).toEqual({ 0: 6 });
    // What is in the damage is lost, so it may come again.
    await expect(append('m1', 'm2', 'm5', 'new')).resolves.toEqual([
      'duplicate',
      'appended',
      'duplicate',
      'appended',
    ]);
    await expect(read(3)).resolves.toEqual(['m3', 'm4', 'm5', 'm2', 'new']);
    await expect(read(0)).rejects.toMatchObject({
      code: 'damaged',
      message: `segment ${NAME} is damaged at byte ${starts[2]}: the CRC does not match`,
    });
    await log.close();
    log = await open();
    expect(log.damage).toEqual([]);
    await expect(append('m1', 'm2', 'm5', 'new')).resolves.toEqual(Array(4).fill('duplicate'));
  });

  it('never loses a sound event to damaged bytes before it, nor shows a wrong one', async () => {
    const mutation = fc.record({
      at: fc.integer({ min: SEGMENT_HEADER_BYTES, max: sound.length - 1 }),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }),
    });
    const jsonOf = new Map(IDS.map((id) => [id, sampleEvent(id).json.toString()]));
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 2 }), async (mutations) => {
        const damaged = Buffer.from(sound);
        for (const { at, bytes: put } of mutations) damaged.set(put.subarray(0, damaged.length - at), at);
        disk = new SimulatedDisk(
          () => ({ kind: 'works' }),
          () => 0.5,
        );
        await (await disk.create(`/log/${NAME}`)).write([damaged], 0);
        log = await open();
        const isSound = starts.map((start, i) => {
          const end = starts[i + 1] ?? sound.length;
          return damaged.subarray(start, end).equals(sound.subarray(start, end));
        });
        const end = isSound.lastIndexOf(true) + 1;
        expect(log.durableEnds).toEqual({ 0: end });
        expect(log.damage.length > 0).toBe(isSound.slice(0, end).includes(false));
        const reader = openSegmentReader({ dir: '/log', disk, durableEnds: log.durableEnds });
        for (let position = 0; position < end; position++) {
          const found = await reader
            .read(0, position, { maxCount: 1, maxBytes: Infinity })
            .catch((error: unknown) => {
              if (error instanceof LogReadError && error.code === 'damaged') return [];
              throw error;
            });
          const expected = isSound[position] ? [jsonOf.get(IDS[position]!)] : [];
          expect(found.map(({ json }) => json.toString())).toEqual(expected);
        }
        await log.close();
      }),
      { numRuns: 100 },
    );
  });
});
