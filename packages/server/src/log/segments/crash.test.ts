import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Trial, type Scenario, type Step } from './crash-trial.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { Crash, Fate } from './simulated-disk.ts';

/** More of them search deeper: CRASH_RUNS=50000. */
const RUN_COUNT = Number(process.env['CRASH_RUNS'] ?? 2000);
/** What one of them may take on a busy machine. */
const RUN_MAX_MS = 60;

const crash = fc.constantFrom<Crash>('power-loss', 'kill');
const scenario: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          eventCount: fc.integer({ min: 1, max: 3 }),
          eventBytes: fc.integer({ min: 1, max: 100 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('append-again' as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 20 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('read' as const),
          maxCount: fc.integer({ min: 1, max: 5 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), crash }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('append-known' as const), pick: fc.nat() }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('time' as const),
          passesMs: fc.constantFrom(60_000, 600_000, 2_000_000),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('upkeep' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const) }) },
    ),
    { maxLength: 40 },
  ),
  fates: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constant<Fate>({ kind: 'works' }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom<Fate>({ kind: 'fails', code: 'EIO' }, { kind: 'fails', code: 'ENOSPC' }),
      },
      { weight: 1, arbitrary: fc.constant<Fate>({ kind: 'crashes' }) },
    ),
    { maxLength: 300, size: 'max' },
  ),
  crash,
  maxSegmentBytes: fc.constantFrom(300, 1000, 1_000_000),
  seed: fc.integer(),
});

/** Nothing but what makes runs, merges them and lets go of the segments, over power losses. */
const scenarioOfRuns: fc.Arbitrary<Scenario> = fc.record({
  steps: fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom<Step>(
          { kind: 'append', eventCount: 1, eventBytes: 300 },
          { kind: 'append', eventCount: 3, eventBytes: 10 },
        ),
      },
      { weight: 2, arbitrary: fc.constant<Step>({ kind: 'settle' }) },
      { weight: 2, arbitrary: fc.constant<Step>({ kind: 'upkeep' }) },
      { weight: 2, arbitrary: fc.constant<Step>({ kind: 'trim' }) },
      { weight: 1, arbitrary: fc.constant<Step>({ kind: 'time', passesMs: 20_000 }) },
      { weight: 1, arbitrary: fc.constant<Step>({ kind: 'crash', crash: 'power-loss' }) },
    ),
    { minLength: 5, maxLength: 30 },
  ),
  fates: fc.array(
    fc.oneof(
      { weight: 30, arbitrary: fc.constant<Fate>({ kind: 'works' }) },
      { weight: 1, arbitrary: fc.constant<Fate>({ kind: 'fails', code: 'EIO' }) },
      { weight: 1, arbitrary: fc.constant<Fate>({ kind: 'crashes' }) },
    ),
    { maxLength: 500, size: 'max' },
  ),
  crash: fc.constant<Crash>('power-loss'),
  maxSegmentBytes: fc.constant(300),
  seed: fc.integer(),
});

function theLogKeepsItsPromise(wrap: (disk: Disk) => Disk, given = scenario): fc.IAsyncProperty<[Scenario]> {
  return fc.asyncProperty(given, (one) => new Trial(one, wrap).run());
}

const asItIs = (disk: Disk): Disk => disk;

function withFiles(disk: Disk, change: (file: DiskFile) => DiskFile): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    create: async (path) => change(await disk.create(path)),
    open: async (path, mode) => change(await disk.open(path, mode)),
    remove: (path) => disk.remove(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
}

describe('the log over a disk that fails and forgets', () => {
  it('keeps its promise', { timeout: RUN_COUNT * RUN_MAX_MS }, async () => {
    const search = fc.assert(theLogKeepsItsPromise(asItIs), { numRuns: RUN_COUNT });
    await expect(search).resolves.toBeUndefined();
  });

  it('keeps it while runs take the place of segments', { timeout: RUN_COUNT * RUN_MAX_MS }, async () => {
    const search = fc.assert(theLogKeepsItsPromise(asItIs, scenarioOfRuns), { numRuns: RUN_COUNT / 4 });
    await expect(search).resolves.toBeUndefined();
  });

  it.each([
    ['the sync of files', (disk: Disk) => withFiles(disk, (file) => ({ ...file, sync: async () => {} }))],
    [
      'the sync of the folder',
      (disk: Disk) => ({ ...withFiles(disk, (file) => file), syncDirectory: async () => {} }),
    ],
  ])('would not keep it without %s', { timeout: 60_000 }, async (_, wrap) => {
    const outcome = await fc.check(theLogKeepsItsPromise(wrap), { numRuns: 1000, endOnFailure: true });
    expect(outcome.failed).toBe(true);
  });

  it.each([
    [
      'the sync of its start',
      (disk: Disk) => {
        let isOfStart = false;
        return {
          ...withFiles(disk, (file) => file),
          create: (path: string) => {
            isOfStart = path.endsWith('.start');
            return disk.create(path);
          },
          syncDirectory: async (path: string) => (isOfStart ? undefined : disk.syncDirectory(path)),
        };
      },
    ],
    [
      'the sync of runs',
      (disk: Disk) => ({
        ...withFiles(disk, (file) => file),
        create: async (path: string) => {
          const file = await disk.create(path);
          return path.includes('.run') ? { ...file, sync: async () => {} } : file;
        },
      }),
    ],
    [
      'the sync of the folder of runs',
      (disk: Disk) => ({
        ...withFiles(disk, (file) => file),
        syncDirectory: async (path: string) => (path === '/log' ? disk.syncDirectory(path) : undefined),
      }),
    ],
  ])('would not keep it without %s', { timeout: 60_000 }, async (_, wrap) => {
    const outcome = await fc.check(theLogKeepsItsPromise(wrap, scenarioOfRuns), {
      numRuns: 5000,
      endOnFailure: true,
    });
    expect(outcome.failed).toBe(true);
  });
});
