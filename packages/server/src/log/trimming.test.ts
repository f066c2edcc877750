import { afterEach, expect, it, vi } from 'vitest';
import type { Clock } from '../clock.ts';
import { LogWriteError, type EventLog, type Needs } from './log.ts';
import { memoryLog } from './memory-log.ts';
import type { RetentionOptions } from './retention.ts';
import { startTrimming, type Trimming, type TrimNotice } from './trimming.ts';

const KEEP: RetentionOptions = { retainMs: 1e9, maxBytes: 1e9, minFreeDiskBytes: 10, onFull: 'refuse' };

let running: Trimming | undefined;
afterEach(() => running?.stop());

/** A log of ranges of two events with ten bytes each, and a clock that stands until it is moved. */
function rig(retention: Partial<RetentionOptions> = {}, wrap: (log: EventLog) => EventLog = (log) => log) {
  let nowMs = 0;
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  const clock: Clock = {
    nowMs: () => nowMs,
    random: () => 0,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        const sleeper = { untilMs: nowMs + delayMs, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const memory = memoryLog({ rangeMaxCount: 2, clock });
  const log = wrap(memory.log);
  const world = {
    log,
    needs: {} as Needs | undefined,
    freeDiskBytes: 1_000,
    notices: [] as TrimNotice[],
    starts: [] as unknown[],
    released: [] as [number, boolean][],
    /** Undefined: says what it was asked. */
    answer: undefined as (() => Promise<number>) | undefined,
    advance(byMs: number) {
      nowMs += byMs;
      for (const sleeper of sleepers) {
        if (sleeper.untilMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
    append: (id: string) =>
      trimming.log.append([
        { sourceId: 'web', messageId: id, receivedAtMs: nowMs, flags: 0, json: Buffer.alloc(10) },
      ]),
  };
  const trimming = startTrimming({
    log,
    reader: memory.openReader(),
    retention: { ...KEEP, ...retention },
    freeDiskBytes: async () => world.freeDiskBytes,
    needs: () => world.needs,
    release: async (_, before, drop) => {
      world.released.push([before, drop]);
      return world.answer ? world.answer() : before;
    },
    onStarts: (starts) => world.starts.push(starts),
    onNotice: (notice) => world.notices.push(notice),
    clock,
  });
  running = trimming;
  return { ...world, world, trimming };
}

async function fill(world: ReturnType<typeof rig>['world'], count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await world.append(`e${i}`);
}

it('gives up what is old each minute, and says where the log starts', async () => {
  const { world, trimming } = rig({ retainMs: 1_000 });
  await fill(world, 5);
  await trimming.check();
  expect(world.released).toEqual([]);
  world.advance(60_000);
  await vi.waitFor(() => expect(world.starts).toEqual([{ 0: 4 }]));
  expect(world.log.starts).toEqual({ 0: 4 });
  expect(world.notices).toEqual([{ kind: 'trimmed', partition: 0, start: 4 }]);
  await vi.waitFor(() => expect(trimming.status()).toEqual({ bytes: 10 }));
});

it('looks when a range is sealed, without a clock', async () => {
  const { world } = rig({ maxBytes: 40 });
  await fill(world, 5);
  await vi.waitFor(() => expect(world.log.starts).toEqual({ 0: 2 }));
});

it('gives up no more than was released', async () => {
  const { world, trimming } = rig({ maxBytes: 20 });
  world.answer = async () => 2;
  await fill(world, 5);
  await trimming.check();
  expect(world.log.starts).toEqual({ 0: 2 });
});

it('refuses new events while what is needed fills the log, and takes them again once it had them', async () => {
  const { world, trimming } = rig({ maxBytes: 40 });
  world.needs = { hook: { 0: 0 } };
  await fill(world, 5);
  await trimming.check();
  expect(trimming.status()).toEqual({ bytes: 50, refusing: 'maxBytes' });
  await expect(world.append('f')).rejects.toMatchObject({ name: 'LogWriteError', code: 'disk_full' });
  // The look that the first one has brought forward.
  await trimming.check();
  expect(world.released).toEqual([]);
  world.needs = { hook: { 0: 3 } };
  world.advance(1_000);
  await vi.waitFor(() => expect(trimming.status()).toEqual({ bytes: 30 }));
  await expect(world.append('f')).resolves.toEqual(['appended']);
  expect(world.notices).toEqual([
    { kind: 'refusing', bound: 'maxBytes', neededBy: ['hook'] },
    { kind: 'trimmed', partition: 0, start: 2 },
    { kind: 'accepting' },
  ]);
});

it('makes those who need the oldest lose it, where told, and refuses nothing', async () => {
  const { world, trimming } = rig({ maxBytes: 40, onFull: 'drop-oldest' });
  world.needs = { hook: { 0: 0 } };
  await fill(world, 5);
  await trimming.check();
  expect(world.released[0]).toEqual([2, true]);
  expect(trimming.status()).toEqual({ bytes: 30 });
});

it('refuses on a disk that others fill, and takes events again when there is space', async () => {
  const { world, trimming } = rig();
  world.freeDiskBytes = 9;
  await trimming.check();
  await expect(world.append('a')).rejects.toBeInstanceOf(LogWriteError);
  world.freeDiskBytes = 10;
  world.advance(1_000);
  await vi.waitFor(() => expect(trimming.status().refusing).toBeUndefined());
  await expect(world.append('a')).resolves.toEqual(['appended']);
});

it('gives up nothing while nobody knows what is needed, and refuses at a bound, whatever is wanted there', async () => {
  const { world, trimming } = rig({ maxBytes: 40, onFull: 'drop-oldest' });
  world.needs = undefined;
  await fill(world, 5);
  await trimming.check();
  expect(world.log.starts).toEqual({ 0: 0 });
  expect(trimming.status().refusing).toBe('maxBytes');
});

it('gives up nothing that is not confirmed, says so, and tries again', async () => {
  const { world, trimming } = rig({ maxBytes: 40 });
  world.answer = () => Promise.reject(new Error('the router has died'));
  await fill(world, 5);
  await trimming.check();
  expect(world.log.starts).toEqual({ 0: 0 });
  expect(trimming.status().refusing).toBe('maxBytes');
  expect(world.notices).toContainEqual({ kind: 'failed', error: new Error('the router has died') });
  world.answer = undefined;
  world.advance(1_000);
  await vi.waitFor(() => expect(world.log.starts).toEqual({ 0: 2 }));
});

it('looks at once when the disk is found full', async () => {
  const { world } = rig({}, (log) => ({
    ...log,
    get durableEnds() {
      return log.durableEnds;
    },
    get starts() {
      return log.starts;
    },
    append: (events) =>
      events[0]?.messageId === 'too much'
        ? Promise.reject(new LogWriteError('disk_full', 'full'))
        : log.append(events),
  }));
  await fill(world, 5);
  world.freeDiskBytes = 0;
  await expect(world.append('too much')).rejects.toThrow('full');
  await vi.waitFor(() => expect(world.log.starts).toEqual({ 0: 4 }));
});

it('does what is asked while a look is under way in one more, and nothing after it has stopped', async () => {
  const { world, trimming } = rig({ retainMs: 0 });
  let looks = 0;
  world.needs = {};
  await trimming.check();
  world.answer = async () => {
    looks += 1;
    return 0;
  };
  await fill(world, 5);
  await Promise.all(Array.from({ length: 20 }, () => trimming.check()));
  expect(looks).toBeLessThan(5);
  await trimming.stop();
  const before = looks;
  await trimming.check();
  world.advance(600_000);
  await trimming.check();
  expect(looks).toBe(before);
});
