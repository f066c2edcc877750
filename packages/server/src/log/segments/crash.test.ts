import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Trial, type Scenario } from './crash-trial.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { Crash, Fate } from './simulated-disk.ts';

/** More of them search deeper: CRASH_RUNS=50000. */
const RUN_COUNT = Number(process.env['CRASH_RUNS'] ?? 2000);

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
    ),
    { maxLength: 30 },
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
    { maxLength: 150, size: 'max' },
  ),
  crash,
  maxSegmentBytes: fc.constantFrom(300, 1000, 1_000_000),
  seed: fc.integer(),
});

function theLogKeepsItsPromise(wrap: (disk: Disk) => Disk): fc.IAsyncProperty<[Scenario]> {
  return fc.asyncProperty(scenario, (given) => new Trial(given, wrap).run());
}

const asItIs = (disk: Disk): Disk => disk;

function withFiles(disk: Disk, change: (file: DiskFile) => DiskFile): Disk {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    create: async (path) => change(await disk.create(path)),
    open: async (path, mode) => change(await disk.open(path, mode)),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
  };
}

describe('the log over a disk that fails and forgets', () => {
  it('keeps its promise', { timeout: 60_000 }, async () => {
    const search = fc.assert(theLogKeepsItsPromise(asItIs), { numRuns: RUN_COUNT });
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
});
