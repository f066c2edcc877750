import { beforeEach, describe, expect, it, vi } from 'vitest';
import { messageIds, readAll, sampleEvent } from '../contract.ts';
import type { DurableEnds, EventLog, LogWriteError } from '../log.ts';
import type { Disk, DiskFile } from './disk.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog } from './segment-log.ts';
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES } from './segment-header.ts';
import { SimulatedDisk, type Fate } from './simulated-disk.ts';

describe('the log when something is wrong', () => {
  let disk: SimulatedDisk;
  /** Of the next operations of the disk; it works when there are none. */
  let fates: Fate[];
  let log: EventLog;

  const works: Fate = { kind: 'works' };
  const open = (maxSegmentBytes = 1_000_000) => openSegmentLog({ dir: '/log', disk, maxSegmentBytes });
  const idsInLog = async (): Promise<string[]> =>
    messageIds(await readAll(openSegmentReader({ dir: '/log', disk }), log.durableEnds));
  const append = (...ids: string[]) => log.append(ids.map((id) => sampleEvent(id)));
  const bytesOf = (name: string): Buffer => disk.files.get(name)?.inMemory ?? Buffer.alloc(0);

  beforeEach(async () => {
    fates = [];
    disk = new SimulatedDisk(
      () => fates.shift() ?? works,
      () => 0.5,
    );
    log = await open();
    await append('m0');
  });

  it.each([
    ['ENOSPC', 'disk_full'],
    ['EIO', 'log_unavailable'],
  ] as const)('answers %s with %s, and with its cause', async (code, expected) => {
    fates = [{ kind: 'fails', code }];
    await expect(append('m1')).rejects.toMatchObject({ code: expected, cause: { code } });
  });

  it('writes what arrives together in one commit', async () => {
    const ends: DurableEnds[] = [];
    log.onDurable((durable) => ends.push(durable));
    await Promise.all([append('m1'), append('m2', 'm3'), append('m4')]);
    await vi.waitFor(() => expect(ends).toEqual([{ 0: 5 }]));
  });

  it(
    'holds a bounded number of bytes for a disk that is too slow, and says so',
    { timeout: 30_000 },
    async () => {
      const gate = new AbortController();
      const opened = new Promise<void>((resolve) => gate.signal.addEventListener('abort', () => resolve()));
      const slow = (file: DiskFile): DiskFile => ({
        sizeBytes: () => file.sizeBytes(),
        read: (into, offset) => file.read(into, offset),
        write: (parts, offset) => opened.then(() => file.write(parts, offset)),
        truncate: (lengthBytes) => file.truncate(lengthBytes),
        sync: () => file.sync(),
        close: () => file.close(),
      });
      const inner: Disk = disk;
      const slowDisk: Disk = {
        makeDirectory: (path) => inner.makeDirectory(path),
        list: (directory) => inner.list(directory),
        create: async (path) => slow(await inner.create(path)),
        open: (path, mode) => inner.open(path, mode),
        remove: (path) => inner.remove(path),
        rename: (from, to) => inner.rename(from, to),
        syncDirectory: (path) => inner.syncDirectory(path),
      };
      const slowLog = await openSegmentLog({ dir: '/other/log', disk: slowDisk });
      const json = Buffer.alloc(1_000_000, 'x');
      const answers = Array.from({ length: 100 }, (_, index) =>
        slowLog.append([{ ...sampleEvent(`big-${index}`), json }]).then(
          () => 'durable',
          (error: LogWriteError) => error.code,
        ),
      );
      gate.abort();
      const codes = await Promise.all(answers);
      expect(codes.filter((code) => code === 'log_unavailable').length).toBeGreaterThan(30);
      expect(codes.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 'durable'));
      await expect(slowLog.append([{ ...sampleEvent('big-99'), json }])).resolves.toEqual(['appended']);
    },
  );

  it('refuses the whole commit, and a duplicate of what failed in it', async () => {
    fates = [{ kind: 'fails', code: 'EIO' }];
    const together = [append('m1'), append('m2', 'm3'), append('m2')];
    for (const one of together) await expect(one).rejects.toMatchObject({ code: 'log_unavailable' });
    await expect(append('m3', 'm2')).resolves.toEqual(['appended', 'appended']);
    await expect(idsInLog()).resolves.toEqual(['m0', 'm3', 'm2']);
  });

  it('goes on in a new segment after a failure, and the old one is cut', async () => {
    const before = bytesOf('0000000001.segment');
    fates = [works, { kind: 'fails', code: 'EIO' }];
    await expect(append('m1')).rejects.toThrow('the log cannot be written');
    await append('m1');
    expect([...disk.files.keys()]).toEqual(['0000000001.segment', '0000000002.segment']);
    expect(bytesOf('0000000001.segment')).toEqual(before);
    await expect(idsInLog()).resolves.toEqual(['m0', 'm1']);
  });

  it('cuts by the next header what could not be truncated', async () => {
    const before = bytesOf('0000000001.segment');
    fates = [works, { kind: 'fails', code: 'EIO' }, { kind: 'fails', code: 'EIO' }];
    await expect(append('m1')).rejects.toThrow('the log cannot be written');
    await append('m2');
    expect(bytesOf('0000000001.segment').length).toBeGreaterThan(before.length);
    await expect(idsInLog()).resolves.toEqual(['m0', 'm2']);
    log = await open();
    await expect(idsInLog()).resolves.toEqual(['m0', 'm2']);
  });

  it('says when it stops being writable and when it is again, not at each commit', async () => {
    const told: (string | undefined)[] = [];
    await log.close();
    log = await openSegmentLog({ dir: '/log', disk, onHealthChange: (error) => told.push(error?.code) });
    for (const code of ['ENOSPC', 'EIO'] as const) {
      fates = [{ kind: 'fails', code }];
      await expect(append('m1')).rejects.toThrow(Error);
    }
    expect(told).toEqual(['disk_full']);
    await append('m1');
    await append('m2');
    expect(told).toEqual(['disk_full', undefined]);
  });

  it('leaves no segment behind while the disk is full', async () => {
    fates = [{ kind: 'fails', code: 'ENOSPC' }];
    await expect(append('m1')).rejects.toThrow('the disk is full');
    for (let i = 0; i < 3; i++) {
      // Creation and header of a segment work; its first frame does not.
      fates = [works, works, works, works, { kind: 'fails', code: 'ENOSPC' }];
      await expect(append('m1')).rejects.toThrow('the disk is full');
    }
    expect([...disk.files.keys()]).toEqual(['0000000001.segment']);
    await append('m1');
    await expect(idsInLog()).resolves.toEqual(['m0', 'm1']);
  });

  it('cuts a torn end at recovery, says so, and knows the events before it', async () => {
    const file = disk.files.get('0000000001.segment')!;
    const before = file.inMemory;
    await append('m1');
    file.inMemory = file.inMemory.subarray(0, -1);
    const cutBytes = file.inMemory.length - before.length;
    const recovered = await open();
    log = recovered;
    expect(recovered.cut).toEqual({
      segment: '0000000001.segment',
      offsetBytes: before.length,
      cutBytes,
      reason: 'the frame is cut off',
    });
    expect(file.inMemory).toEqual(before);
    await expect(append('m0', 'm1')).resolves.toEqual(['duplicate', 'appended']);
  });

  it('reports damage in an earlier segment by name, and neither cuts nor passes it', async () => {
    log = await open(1);
    await append('m1');
    const file = disk.files.get('0000000001.segment')!;
    const damaged = Buffer.from(file.inMemory);
    damaged.writeUInt8(damaged.readUInt8(SEGMENT_HEADER_BYTES + 30) ^ 1, SEGMENT_HEADER_BYTES + 30);
    file.inMemory = damaged;
    log = await open();
    expect(file.inMemory).toEqual(damaged);
    await expect(idsInLog()).rejects.toMatchObject({
      code: 'damaged',
      message: 'segment 0000000001.segment is damaged at byte 44: the CRC does not match',
    });
    const reader = openSegmentReader({ dir: '/log', disk, durableEnds: log.durableEnds });
    const records = await reader.read(0, 1, { maxCount: 10, maxBytes: 1000 });
    expect(messageIds(records)).toEqual(['m1']);
  });

  it('reports a segment that is missing or whose header is damaged by name', async () => {
    log = await open(1);
    await append('m1');
    await disk.remove('/log/0000000001.segment');
    await expect(idsInLog()).rejects.toMatchObject({
      code: 'damaged',
      message: 'position 0 cannot be read: segment 0000000001.segment is missing or damaged',
    });
    const file = disk.files.get('0000000002.segment')!;
    file.inMemory = Buffer.concat([Buffer.alloc(8), file.inMemory.subarray(8)]);
    await expect(open()).rejects.toThrow('segment 0000000002.segment is damaged: its header');
  });

  it('refuses an unknown format version by name', async () => {
    const file = disk.files.get('0000000001.segment')!;
    file.inMemory = Buffer.from(file.inMemory);
    file.inMemory.writeUInt32LE(FORMAT_VERSION + 1, 8);
    await expect(open()).rejects.toMatchObject({
      code: 'unknown_version',
      message: 'segment 0000000001.segment has format version 2, written by another version of Millrace',
    });
    await expect(idsInLog()).rejects.toMatchObject({ code: 'unknown_version' });
  });

  it('refuses an append that no commit can hold, and keeps nothing of it', async () => {
    const event = sampleEvent('big', { json: Buffer.alloc(8 * 1024 * 1024) });
    await expect(log.append([event])).rejects.toThrow(RangeError);
    await expect(append('big')).resolves.toEqual(['appended']);
  });
});
