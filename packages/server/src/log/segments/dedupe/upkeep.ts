import type { Clock } from '../../../clock.ts';
import type { Disk } from '../disk.ts';
import { SegmentChain, type SealedSegment } from '../segment-chain.ts';
import { coverageOf, includes, joined } from './coverage.ts';
import { mergedHashes } from './merged-hashes.ts';
import { nextMerge, type MergeLimits } from './merge-policy.ts';
import type { DedupeNotice } from './notice.ts';
import { RunReadError, type Run } from './run.ts';
import { removeRun } from './run-files.ts';
import { writeRun } from './run-writer.ts';
import type { RunPart, SealedHashes, TablePart } from './sealed-hashes.ts';
import { hashesOfSegment } from './segment-hashes.ts';

/** After a failure nothing is tried for so long: a full disk does not get emptier by trying. */
const RETRY_AFTER_MS = 10_000;

export interface UpkeepOptions {
  disk: Disk;
  clock: Pick<Clock, 'nowMs'>;
  /** The folder of the segments, and that of the runs. */
  logDir: string;
  dedupeDir: string;
  limits: MergeLimits;
  onNotice: (notice: DedupeNotice) => void;
}

/**
 * Makes runs of tables, one run of two, and a new one of what is damaged, one thing at a time and beside the commits. What it
 * cannot do it leaves as it was, so that a failure costs memory and never a duplicate.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #sealed: SealedHashes;
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;
  #retryAtMs = -Infinity;
  #isFailing = false;

  constructor(options: UpkeepOptions, sealed: SealedHashes) {
    this.#options = options;
    this.#sealed = sealed;
  }

  /** Goes to work if there is any. Never rejects. */
  kick(): void {
    if (this.#working || this.#stop.signal.aborted) return;
    if (this.#isFailing && this.#options.clock.nowMs() < this.#retryAtMs) return;
    if (this.#nextJob()) this.#working = this.#work().finally(() => (this.#working = undefined));
  }

  /** Resolves when there is nothing left to do, or nothing can be done for now. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#working;
    for (const part of this.#sealed.parts) if (part.kind === 'run') await part.run.close();
  }

  async #work(): Promise<void> {
    try {
      for (let job = this.#nextJob(); job; job = this.#nextJob()) {
        await job();
        if (this.#isFailing) this.#options.onNotice({ kind: 'healed' });
        this.#isFailing = false;
      }
    } catch (cause) {
      if (this.#stop.signal.aborted) return;
      // What is damaged is the next job.
      if (cause instanceof RunReadError) return await this.#work();
      if (!this.#isFailing) this.#options.onNotice({ kind: 'failing', cause });
      this.#isFailing = true;
      this.#retryAtMs = this.#options.clock.nowMs() + RETRY_AFTER_MS;
    }
  }

  #nextJob(): (() => Promise<void>) | undefined {
    const { parts } = this.#sealed;
    const damaged = parts.find((part) => part.kind === 'run' && part.run.isDamaged);
    if (damaged?.kind === 'run') return () => this.#remake(damaged);
    const table = parts.find((part) => part.kind === 'table');
    if (table?.kind === 'table') return () => this.#writeTable(table);
    const runs = parts.filter((part) => part.kind === 'run');
    const merge = nextMerge(
      runs.map(({ coverage, run }) => ({ ...coverage, hashCount: run.hashCount })),
      this.#options.limits,
    );
    return merge === undefined ? undefined : () => this.#merge(runs[merge]!, runs[merge + 1]!);
  }

  async #writeTable(part: TablePart): Promise<void> {
    const { coverage, table } = part;
    const { disk, dedupeDir } = this.#options;
    const hashes = table.sorted();
    const run = await writeRun(
      disk,
      dedupeDir,
      { coverage, maxHashCount: table.count, hashes },
      this.#stop.signal,
    );
    await this.#replace([part], run);
  }

  async #merge(older: RunPart, newer: RunPart): Promise<void> {
    const { disk, dedupeDir } = this.#options;
    const run = await writeRun(
      disk,
      dedupeDir,
      {
        coverage: joined(older.coverage, newer.coverage),
        maxHashCount: older.run.hashCount + newer.run.hashCount,
        hashes: mergedHashes(sortedOf(older.run), sortedOf(newer.run)),
      },
      this.#stop.signal,
    );
    await this.#replace([older, newer], run);
  }

  /**
   * Looks through what could not be read. Where it still cannot, its segments are read again, one by one so that it takes
   * the memory of one; the merges that follow make one run of theirs. Of segments that are no more, what can be read stays.
   */
  async #remake(damaged: RunPart): Promise<void> {
    const { disk, logDir, dedupeDir, onNotice } = this.#options;
    const { coverage, run } = damaged;
    if (await isSound(run)) {
      run.isDamaged = false;
      return;
    }
    const chain = new SegmentChain(disk, logDir);
    await chain.refresh();
    const segments = chain.sealed.filter((segment) => includes(coverage, ends(segment)));
    for (const segment of segments) {
      if (this.#isKnownWithout(damaged, segment)) continue;
      const { table } = await hashesOfSegment(disk, logDir, segment);
      const made = { coverage: coverageOf(segment), maxHashCount: table.count, hashes: table.sorted() };
      const remade = await writeRun(disk, dedupeDir, made, this.#stop.signal);
      this.#sealed.replace([], [{ kind: 'run', coverage: remade.coverage, run: remade }]);
    }
    const isAllThere = segments[0]?.basePosition === coverage.from && endOf(segments) === coverage.to;
    if (isAllThere) return await this.#replace([damaged]);
    const hashes = run.sorted(() => {});
    const rest = await writeRun(
      disk,
      dedupeDir,
      { coverage, maxHashCount: run.hashCount, hashes },
      this.#stop.signal,
    );
    await this.#replace([damaged], rest);
    onNotice({ kind: 'forgotten', toMs: segments[0]?.createdAtMs ?? coverage.sealedAtMs });
  }

  #isKnownWithout(damaged: RunPart, segment: SealedSegment): boolean {
    return this.#sealed.parts.some((part) => part !== damaged && includes(part.coverage, ends(segment)));
  }

  async #replace(old: readonly (TablePart | RunPart)[], run?: Run): Promise<void> {
    if (old.every((part) => this.#sealed.parts.includes(part))) {
      this.#sealed.replace(old, run ? [{ kind: 'run', coverage: run.coverage, run }] : []);
    } else if (run) {
      // Given up meanwhile, for its age or for memory.
      await removeRun(this.#options.disk, this.#options.dedupeDir, run, this.#sealed.parts);
    }
    for (const part of old) {
      if (part.kind === 'run') {
        await removeRun(this.#options.disk, this.#options.dedupeDir, part.run, this.#sealed.parts);
      }
    }
  }
}

async function isSound(run: Run): Promise<boolean> {
  let unreadableCount = 0;
  for await (const _ of run.sorted(() => unreadableCount++)) if (unreadableCount > 0) return false;
  return unreadableCount === 0;
}

/** Marks the run where it cannot be read. */
async function* sortedOf(run: Run): AsyncGenerator<Uint32Array> {
  try {
    yield* run.sorted();
  } catch (error) {
    run.isDamaged = true;
    throw error;
  }
}

function ends({ basePosition, endPosition }: SealedSegment): { from: number; to: number } {
  return { from: basePosition, to: endPosition };
}

function endOf(segments: readonly SealedSegment[]): number | undefined {
  return segments.at(-1)?.endPosition;
}
