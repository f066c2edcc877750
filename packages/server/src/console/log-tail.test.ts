import { expect, test } from 'vitest';
import { createFakeLog } from './fakes.ts';
import { CHUNK, MAX_BEHIND_COUNT, tailStep } from './log-tail.ts';

function logOf(count: number) {
  const fake = createFakeLog();
  for (let index = 0; index < count; index++) fake.add({ index });
  return fake;
}

test('goes on from a position, a chunk a step, until it has caught up', async () => {
  const { log, reader } = logOf(CHUNK.maxCount + 5);
  const first = await tailStep(reader, log, { 0: 0 });
  expect(first).toMatchObject({ positions: { 0: CHUNK.maxCount }, caughtUp: false, skippedCount: 0 });

  const second = await tailStep(reader, log, first.positions);
  expect(second.events.map(({ position }) => position)).toEqual([100, 101, 102, 103, 104]);
  expect(second).toMatchObject({ positions: { 0: CHUNK.maxCount + 5 }, caughtUp: true, skippedCount: 0 });
});

test('jumps to the newest when too far behind and counts what it left out', async () => {
  const count = MAX_BEHIND_COUNT + 11;
  const { log, reader } = logOf(count);
  const step = await tailStep(reader, log, { 0: 10 });
  expect(step.events).toHaveLength(CHUNK.maxCount);
  expect(step.events[0]?.position).toBe(count - CHUNK.maxCount);
  expect(step.skippedCount + step.events.length).toBe(count - 10);
});

test('does not read where nothing is new', async () => {
  const fake = logOf(3);
  const step = await tailStep(fake.reader, fake.log, { 0: 3 });
  expect(step).toEqual({ events: [], skippedCount: 0, positions: { 0: 3 }, caughtUp: true });
  expect(fake.readCount).toBe(0);
});

test('shows the newest when the position is beyond the end: the log was replaced', async () => {
  const { log, reader } = logOf(3);
  const step = await tailStep(reader, log, { 0: 5_000 });
  expect(step.events.map(({ position }) => position)).toEqual([0, 1, 2]);
});

test('passes over what cannot be read, says so, and goes on behind it', async () => {
  const fake = logOf(3);
  fake.damaged.add(1);
  const step = await tailStep(fake.reader, fake.log, { 0: 1 });
  expect(step).toMatchObject({ events: [], skippedCount: 2, positions: { 0: 3 }, caughtUp: true });
  expect(step.error?.code).toBe('damaged');
});

test('begins at the start of the log where it was trimmed past the position, and counts what is gone', async () => {
  const fake = logOf(10);
  fake.trim(4);
  const resumed = await tailStep(fake.reader, fake.log, { 0: 1 });
  expect(resumed.events.map(({ position }) => position)).toEqual([4, 5, 6, 7, 8, 9]);
  expect(resumed).toMatchObject({ skippedCount: 3, positions: { 0: 10 } });
  const fresh = await tailStep(fake.reader, fake.log, {});
  expect(fresh.events[0]?.position).toBe(4);
});

test('goes on behind a trim that comes while it reads', async () => {
  const fake = logOf(10);
  const before = { ...fake.log, durableEnds: fake.log.durableEnds, starts: { 0: 0 } };
  fake.trim(4);
  const step = await tailStep(fake.reader, before, { 0: 1 });
  expect(step).toEqual({ events: [], skippedCount: 0, positions: { 0: 1 }, caughtUp: false });
  expect((await tailStep(fake.reader, fake.log, step.positions)).events).toHaveLength(6);
});
