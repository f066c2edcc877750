import { beforeEach, describe, expect, it } from 'vitest';
import { sampleEvent } from '../contract.ts';
import type { DedupeNotice } from './dedupe/notice.ts';
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from './segment-log.ts';
import { SimulatedDisk, type Fate } from './simulated-disk.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('duplicates', () => {
  let disk: SimulatedDisk;
  let nowMs: number;
  let fateOf: () => Fate;
  let log: SegmentLog;
  let notices: DedupeNotice[];

  /** Each append makes a segment of its own. */
  const open = (options: Partial<SegmentLogOptions> = {}) =>
    openSegmentLog({
      dir: '/log',
      disk,
      clock: { nowMs: () => nowMs },
      maxSegmentBytes: 1,
      onDedupeNotice: (notice) => notices.push(notice),
      ...options,
    });
  const reopen = async (options: Partial<SegmentLogOptions> = {}): Promise<void> => {
    await log.close();
    notices = [];
    log = await open(options);
  };
  const append = (...ids: string[]) => log.append(ids.map((id) => sampleEvent(id)));
  const runNames = () => [...disk.files.keys()].filter((name) => name.includes('.run'));
  const damage = (name: string, at: number): void => {
    const file = disk.files.get(name)!;
    file.inMemory = Buffer.from(file.inMemory);
    file.inMemory[at]! ^= 1;
  };

  beforeEach(async () => {
    nowMs = 1_000_000;
    fateOf = () => ({ kind: 'works' });
    disk = new SimulatedDisk(
      () => fateOf(),
      () => 0.5,
    );
    notices = [];
    log = await open();
    for (const id of ['m0', 'm1', 'm2', 'm3', 'm4']) await append(id);
    await log.dedupeIdle();
  });

  it('are found in sealed segments, and fresh events beside them are kept', async () => {
    await expect(append('m3', 'm5', 'm0')).resolves.toEqual(['duplicate', 'appended', 'duplicate']);
    await expect(append('m1', 'm2')).resolves.toEqual(['duplicate', 'duplicate']);
    expect(log.durableEnds).toEqual({ 0: 6 });
    expect(log.dedupe).toMatchObject({ hashCount: 6, unwrittenCount: 0, isCapped: false });
  });

  it('are found while one like them waits to be told apart', async () => {
    const answers = await Promise.all([append('m0', 'new'), append('m0'), append('new')]);
    expect(answers).toEqual([['duplicate', 'appended'], ['duplicate'], ['duplicate']]);
  });

  it('are found after a start, without reading a segment again', async () => {
    await reopen();
    await expect(append('m0', 'm1', 'm2', 'm3', 'm4')).resolves.toEqual(Array(5).fill('duplicate'));
    expect(notices).toEqual([]);
  });

  it('are found for the window, and what is older is given up', async () => {
    nowMs += DAY_MS;
    await append('m5');
    await expect(append('m0')).resolves.toEqual(['duplicate']);
    nowMs += HOUR_MS;
    await append('m6');
    await log.dedupeIdle();
    await expect(append('m0')).resolves.toEqual(['appended']);
    await expect(append('m5')).resolves.toEqual(['duplicate']);
    expect(log.dedupe.isCapped).toBe(false);
  });

  it('are found less far back where memory ends, and the log says so', async () => {
    const dedupeMaxMemoryBytes = 60_000;
    await reopen({ dedupeMaxMemoryBytes });
    for (let i = 0; i < 20; i++) {
      nowMs += 1000;
      await append(...Array.from({ length: 2000 }, (_, k) => `many-${i}-${k}`));
      await log.dedupeIdle();
    }
    const { sinceMs, isCapped, memoryBytes } = log.dedupe;
    expect(isCapped).toBe(true);
    expect(sinceMs).toBeGreaterThan(1_000_000);
    expect(memoryBytes).toBeLessThanOrEqual(dedupeMaxMemoryBytes + 60_000);
    expect(notices.filter(({ kind }) => kind === 'capped')).toHaveLength(1);
    await expect(append('m0', 'many-19-0')).resolves.toEqual(['appended', 'duplicate']);
    await reopen({ dedupeMaxMemoryBytes });
    expect(log.dedupe.isCapped).toBe(true);
    await expect(append('many-19-0')).resolves.toEqual(['duplicate']);
  });

  it('are found while no run can be written, and runs are written when they can be again', async () => {
    const inner = disk;
    let isFull = true;
    await reopen({
      disk: {
        makeDirectory: () => inner.makeDirectory(),
        list: (directory) => inner.list(directory),
        create: async (path) => {
          if (isFull && path.includes('.run')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
          return inner.create(path);
        },
        open: (path) => inner.open(path),
        remove: (path) => inner.remove(path),
        rename: (from, to) => inner.rename(from, to),
        syncDirectory: (path) => inner.syncDirectory(path),
      },
    });
    await expect(append('m5')).resolves.toEqual(['appended']);
    await append('m6');
    await log.dedupeIdle();
    expect(log.dedupe.unwrittenCount).toBeGreaterThan(0);
    expect(notices.map(({ kind }) => kind)).toEqual(['failing']);
    await expect(append('m0', 'm5', 'm6')).resolves.toEqual(Array(3).fill('duplicate'));
    isFull = false;
    await append('m7');
    expect(log.dedupe.unwrittenCount).toBeGreaterThan(0);
    nowMs += 10_000;
    await append('m8');
    await log.dedupeIdle();
    expect(log.dedupe.unwrittenCount).toBe(0);
    expect(notices.map(({ kind }) => kind)).toEqual(['failing', 'healed']);
    await expect(append('m0', 'm5', 'm6', 'm7')).resolves.toEqual(Array(4).fill('duplicate'));
  });

  it('are found where a run was lost or damaged, from its segments', async () => {
    for (const name of runNames()) damage(name, 30);
    await reopen();
    expect(notices.map(({ kind }) => kind)).toContain('rebuilding');
    await expect(append('m0', 'm1', 'm2', 'm3', 'm4')).resolves.toEqual(Array(5).fill('duplicate'));
    await log.close();
    for (const name of runNames()) await disk.remove(`/dedupe/${name}`);
    log = await open();
    await expect(append('m0', 'm1', 'm2', 'm3', 'm4')).resolves.toEqual(Array(5).fill('duplicate'));
    await log.dedupeIdle();
    expect(runNames().length).toBeGreaterThan(0);
  });

  it('that cannot be told for a damaged block are refused until its run is made again, others are not', async () => {
    // The first block of each run.
    for (const name of runNames()) damage(name, 4096 + 3);
    await expect(append('m0')).rejects.toMatchObject({ code: 'log_unavailable' });
    await expect(append('new')).resolves.toEqual(['appended']);
    await log.dedupeIdle();
    expect(notices.map(({ kind }) => kind)).toEqual(['run-damaged']);
    await expect(append('m0', 'm1', 'm2', 'm3')).resolves.toEqual(Array(4).fill('duplicate'));
  });

  it('of events that are not in this log are none', async () => {
    await log.close();
    for (const name of disk.files.keys()) {
      if (name.endsWith('.segment')) await disk.remove(`/log/${name}`);
    }
    log = await open();
    await expect(append('m0')).resolves.toEqual(['appended']);
    expect(runNames()).toEqual([]);
  });

  it('are found once half of the segments are no more', async () => {
    for (const sequence of ['0000000001', '0000000002']) await disk.remove(`/log/${sequence}.segment`);
    await reopen();
    await expect(append('m0', 'm1', 'm2')).resolves.toEqual(Array(3).fill('duplicate'));
    expect(notices).toEqual([]);
  });
});
