import { mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sampleEvent } from '../contract.ts';
import type { EventLog } from '../log.ts';
import { copyLog } from './copy-log.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog } from './segment-log.ts';

let folder: string;
let from: string;
let to: string;
let log: EventLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-copy-'));
  from = join(folder, 'log');
  to = join(folder, 'copy');
  log = await openSegmentLog({ dir: from, maxSegmentBytes: 4_096 });
});
afterEach(async () => {
  await log.close();
  await rm(folder, { recursive: true });
});

let nextId = 0;
async function append(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await log.append([sampleEvent(`m${nextId++}`, { json: Buffer.alloc(1_000, ' ') })]);
  }
}

async function inCopy(): Promise<{ start: number; end: number }> {
  const copied = await openSegmentLog({ dir: to, maxSegmentBytes: 4_096 });
  const { durableEnds, starts } = copied;
  const reader = openSegmentReader({ dir: to, durableEnds });
  const [start, end] = [starts[0]!, durableEnds[0]!];
  for (let position = start; position < end;) {
    const records = await reader.read(0, position, { maxCount: 100, maxBytes: 1e6 });
    expect(records[0]?.position).toBe(position);
    position += records.length;
  }
  await reader.close();
  await copied.close();
  return { start, end };
}

it('copies all that was durable, while segments are written and closed', async () => {
  await append(10);
  let listCount = 0;
  await copyLog(from, to, async (name) => {
    const names = await readdir(name);
    if (listCount++ === 0) await append(10);
    return names;
  });
  const { start, end } = await inCopy();
  expect(start).toBe(0);
  expect(end).toBeGreaterThanOrEqual(10);
});

it('ends the copy where the newest segment was being written', async () => {
  await append(2);
  await copyLog(from, to);
  const [newest] = (await readdir(to)).filter((name) => name.endsWith('.segment'));
  await writeFile(join(to, newest!), 'half a frame', { flag: 'a' });
  await expect(inCopy()).resolves.toStrictEqual({ start: 0, end: 2 });
});

it('copies again when the log was trimmed meanwhile', async () => {
  await append(20);
  let listCount = 0;
  await copyLog(from, to, async (name) => {
    const names = await readdir(name);
    if (listCount++ === 0) {
      const { to: before } = (
        await openSegmentReader({ dir: from, durableEnds: log.durableEnds }).ranges(0)
      )[1]!;
      await log.trim(0, before!);
    }
    return names;
  });
  expect(listCount).toBe(4);
  const { start, end } = await inCopy();
  expect(start).toBe(log.starts[0]);
  expect(start).toBeGreaterThan(0);
  expect(end).toBe(20);
});

it('passes over what an earlier trim is still removing', async () => {
  await append(20);
  const ranges = await openSegmentReader({ dir: from, durableEnds: log.durableEnds }).ranges(0);
  const kept = await readdir(from);
  await log.trim(0, ranges[0]!.to!);
  const gone = kept.filter((name) => name.endsWith('.segment')).toSorted((a, b) => a.localeCompare(b))[0]!;
  await unlink(join(from, gone)).catch(() => undefined);
  await copyLog(from, to, async (name) => [...new Set([...(await readdir(name)), gone])]);
  await expect(inCopy()).resolves.toStrictEqual({ start: ranges[0]!.to, end: 20 });
});
