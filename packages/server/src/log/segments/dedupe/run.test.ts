import { randomFillSync } from 'node:crypto';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { SimulatedDisk } from '../simulated-disk.ts';
import { addToFilter, anyFilterMayHave, filterBlockCount } from './blocked-filter.ts';
import type { Coverage } from './coverage.ts';
import { HashTable } from './hash-table.ts';
import { mergedHashes } from './merged-hashes.ts';
import { openRun } from './run-files.ts';
import { RunReadError, type Run } from './run.ts';
import { writeRun } from './run-writer.ts';

const COVERAGE: Coverage = {
  firstSequence: 1,
  lastSequence: 2,
  from: 0,
  to: 100,
  createdAtMs: 1_700_000_000_000,
  lastCreatedAtMs: 1_700_000_100_000,
  sealedAtMs: 1_700_000_200_000,
};
const NAME = '0000000001-0000000002.run';
const never = new AbortController().signal;

function randomHashes(count: number): Uint32Array[] {
  return Array.from({ length: count }, () => randomFillSync(new Uint32Array(4)));
}

async function hashesIn(run: Run, onUnreadable?: () => void): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of run.sorted(onUnreadable)) {
    for (let at = 0; at < piece.length; at += 4) found.push(piece.subarray(at, at + 4).join());
  }
  return found;
}

/** What comes of it, or that it was found damaged. */
async function told<T>(work: Promise<T>): Promise<T | 'refused'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RunReadError && error.code === 'damaged') return 'refused';
    throw error;
  }
}

describe('a run', () => {
  let disk: SimulatedDisk;

  beforeEach(() => {
    disk = new SimulatedDisk(
      () => ({ kind: 'works' }),
      () => 0.5,
    );
  });

  function write(hashes: readonly Uint32Array[], coverage = COVERAGE): Promise<Run> {
    const table = new HashTable();
    for (const hash of hashes) table.add(hash);
    const run = { coverage, maxHashCount: hashes.length, hashes: table.sorted() };
    return writeRun(disk, '/dedupe', run, never);
  }

  it.each([0, 1, 255, 256, 20_000])(
    'of %i hashes has them and no others, also when it is opened again',
    async (count) => {
      const hashes = randomHashes(count);
      const others = randomHashes(200);
      await write(hashes);
      const run = await openRun(disk, '/dedupe', NAME);
      expect(run.coverage).toEqual(COVERAGE);
      expect(run.hashCount).toBe(count);
      for (const hash of hashes.slice(0, 500)) await expect(run.has(hash)).resolves.toBe(true);
      for (const hash of others) await expect(run.has(hash)).resolves.toBe(false);
      expect(await hashesIn(run)).toHaveLength(count);
    },
  );

  it('finds hashes whose first words are the same, however many blocks they fill', async () => {
    const hashes = Array.from({ length: 1000 }, (_, i) => Uint32Array.of(7, i, 1, 1));
    const run = await write([...hashes, ...randomHashes(1000)]);
    for (const hash of hashes) await expect(run.has(hash)).resolves.toBe(true);
    await expect(run.has(Uint32Array.of(7, 1000, 1, 1))).resolves.toBe(false);
  });

  it('takes 20 bits a hash in memory while it is small, and takes few hashes for its own', async () => {
    const run = await write(randomHashes(50_000));
    expect((run.memoryBytes * 8) / 50_000).toBeLessThan(20.2);
    const others = randomHashes(20_000);
    const taken = others.filter((hash) => anyFilterMayHave([run.filter], hash));
    expect(taken.length / others.length).toBeLessThan(0.001);
  });

  it('has a filter of 12 bits a hash once it is large, which takes one hash in 300 for its own', () => {
    const hashCount = 4_000_001;
    expect(filterBlockCount(hashCount) * 512).toBeLessThan(12.001 * hashCount);
    // As many for each block as of a large run, in a smaller filter.
    const filter = new Uint32Array(filterBlockCount(hashCount) * 16).subarray(0, 1600);
    const hashes = randomFillSync(new Uint32Array(4 * Math.floor((100 * 512) / 12)));
    for (let at = 0; at < hashes.length; at += 4) addToFilter(filter, hashes, at);
    const others = randomHashes(50_000);
    const taken = others.filter((hash) => anyFilterMayHave([filter], hash));
    expect(taken.length / others.length).toBeLessThan(0.006);
  });

  it('of two has the hashes of both, each once', async () => {
    const [own, shared, others] = [randomHashes(3000), randomHashes(300), randomHashes(9000)];
    const older = await write([...own, ...shared]);
    const newer = await write([...shared, ...others], { ...COVERAGE, firstSequence: 3, lastSequence: 3 });
    const merged = await writeRun(
      disk,
      '/dedupe',
      {
        coverage: { ...COVERAGE, lastSequence: 3 },
        maxHashCount: 12_600,
        hashes: mergedHashes(older.sorted(), newer.sorted()),
      },
      never,
    );
    const expected = [...own, ...shared, ...others].map((hash) => hash.join());
    expect((await hashesIn(merged)).toSorted()).toEqual(expected.toSorted());
  });

  it('is there as a whole or not at all when its writing is stopped', async () => {
    const stop = new AbortController();
    stop.abort();
    const table = new HashTable();
    table.add(Uint32Array.of(1, 2, 3, 4));
    const run = { coverage: COVERAGE, maxHashCount: 1, hashes: table.sorted() };
    await expect(writeRun(disk, '/dedupe', run, stop.signal)).rejects.toThrow('aborted');
    expect([...disk.files.keys()]).toEqual([]);
  });

  it('with damaged bytes says that it is, and never anything wrong', { timeout: 30_000 }, async () => {
    const hashes = randomHashes(600);
    const others = randomHashes(5);
    await write(hashes);
    const expected = new Set(hashes.map((hash) => hash.join()));
    const sound = Buffer.from(disk.files.get(NAME)!.inMemory);
    const damage = fc.oneof(
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat({ max: sound.length - 1 }) }),
      fc.record({
        kind: fc.constant('bytes' as const),
        at: fc.nat({ max: sound.length - 1 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 5000 }),
      }),
      fc.record({
        kind: fc.constant('bit' as const),
        at: fc.nat({ max: sound.length - 1 }),
        bit: fc.nat({ max: 7 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(damage, async (given) => {
        const bytes = Buffer.from(sound);
        if (given.kind === 'bit') bytes[given.at]! ^= 1 << given.bit;
        if (given.kind === 'bytes') bytes.set(given.bytes.subarray(0, bytes.length - given.at), given.at);
        disk.files.get(NAME)!.inMemory = given.kind === 'cut' ? bytes.subarray(0, given.at) : bytes;
        const run = await told(openRun(disk, '/dedupe', NAME));
        if (run === 'refused') return;
        for (const hash of hashes.slice(0, 40))
          expect([true, 'refused']).toContain(await told(run.has(hash)));
        for (const hash of others) expect([false, 'refused']).toContain(await told(run.has(hash)));
        const left = await hashesIn(run, () => {});
        expect(left.filter((hash) => !expected.has(hash))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
