import type { Clock } from '../../../clock.ts';
import type { Position } from '../../log.ts';
import type { Disk } from '../disk.ts';
import type { SealedSegment } from '../segment-chain.ts';
import { coverageOf } from './coverage.ts';
import { HashTable } from './hash-table.ts';
import { readHashText, type HashWords } from './hash-words.ts';
import type { DedupeNotice, DedupeStatus } from './notice.ts';
import type { Run } from './run.ts';
import { removeRun } from './run-files.ts';
import type { Part, SealedHashes } from './sealed-hashes.ts';
import type { Upkeep } from './upkeep.ts';

export interface KnownEventsOptions {
  disk: Disk;
  clock: Pick<Clock, 'nowMs'>;
  dedupeDir: string;
  windowMs: number;
  /** For the hashes of sealed segments and of the active one. */
  budgetBytes: number;
  onNotice: (notice: DedupeNotice) => void;
}

/**
 * The hashes of all durable events in the window: of the active segment in a table, of sealed ones in runs, or in tables
 * as long as there is no run of them.
 */
export class KnownEvents {
  readonly #options: KnownEventsOptions;
  readonly #sealed: SealedHashes;
  readonly #upkeep: Upkeep;
  #active: HashTable;
  /** Duplicates of events before are not found, since the memory was needed. */
  #cappedMs: number;
  readonly #removals = new Set<Promise<void>>();
  readonly #scratch: HashWords = new Uint32Array(4);

  constructor(
    options: KnownEventsOptions,
    state: { active: HashTable; sealed: SealedHashes; upkeep: Upkeep; cappedMs: number },
  ) {
    this.#options = options;
    this.#active = state.active;
    this.#sealed = state.sealed;
    this.#upkeep = state.upkeep;
    this.#cappedMs = state.cappedMs;
    this.afterCommit();
  }

  /**
   * Whether an event with that hash is durable. What is not told at once rejects where a run cannot be read; that one is
   * then made again, and until it is, each hash that may be in its unreadable part is answered so.
   */
  find(hash: string): boolean | Promise<boolean> {
    const words = this.#scratch;
    readHashText(hash, words);
    if (this.#active.has(words)) return true;
    const found = this.#sealed.find(words);
    return typeof found === 'boolean' ? found : this.#ask(found, words.slice());
  }

  /** Of an event that is durable now. */
  keep(hash: string): void {
    readHashText(hash, this.#scratch);
    this.#active.add(this.#scratch);
  }

  /** What was kept so far is in that segment; what comes next, behind it. */
  seal(segment: SealedSegment): void {
    const part: Part = { kind: 'table', coverage: coverageOf(segment), table: this.#active };
    this.#sealed.replace([], [part]);
    this.#active = new HashTable();
  }

  /** The moment to give up what is too old or too much, and to go on with what failed before. */
  afterCommit(): void {
    const nowMs = this.#options.clock.nowMs();
    for (let oldest = this.#sealed.parts[0]; oldest; oldest = this.#sealed.parts[0]) {
      const { sealedAtMs } = oldest.coverage;
      const isTooOld = sealedAtMs < nowMs - this.#options.windowMs;
      if (!isTooOld && this.#memoryBytes <= this.#options.budgetBytes) break;
      this.#giveUp(oldest);
      if (isTooOld) continue;
      const isFirst = this.#cappedMs < nowMs - this.#options.windowMs;
      this.#cappedMs = sealedAtMs;
      if (isFirst) this.#options.onNotice({ kind: 'capped', sinceMs: sealedAtMs });
    }
    this.#upkeep.kick();
  }

  /** From there on the events are needed to make runs of, after a crash. Infinity: all are in runs. */
  get unwrittenFrom(): Position {
    const table = this.#sealed.parts.find(({ kind }) => kind === 'table');
    return table?.coverage.from ?? Infinity;
  }

  get status(): DedupeStatus {
    const { parts } = this.#sealed;
    const windowStartMs = this.#options.clock.nowMs() - this.#options.windowMs;
    const runCount = parts.filter(({ kind }) => kind === 'run').length;
    return {
      sinceMs: Math.max(windowStartMs, this.#cappedMs),
      isCapped: this.#cappedMs > windowStartMs,
      hashCount: this.#active.count + this.#sealed.hashCount,
      memoryBytes: this.#memoryBytes,
      runCount,
      unwrittenCount: parts.length - runCount,
    };
  }

  /** Resolves when runs are written and merged as far as they can be for now. */
  async idle(): Promise<void> {
    await this.#upkeep.idle();
    await Promise.all(this.#removals);
  }

  async close(): Promise<void> {
    await this.#upkeep.close();
    await Promise.all(this.#removals);
  }

  get #memoryBytes(): number {
    return this.#active.memoryBytes + this.#sealed.memoryBytes;
  }

  async #ask(runs: readonly Run[], hash: HashWords): Promise<boolean> {
    const answers = await Promise.allSettled(runs.map((run) => run.has(hash)));
    let failure: unknown;
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') {
        if (answer.value) return true;
        continue;
      }
      failure = answer.reason;
      const run = runs[i]!;
      // Not of one that is no more: what was in it is in another.
      if (!run.isDamaged && this.#isThere(run)) {
        run.isDamaged = true;
        this.#options.onNotice({ kind: 'run-damaged', reason: String(answer.reason) });
        this.#upkeep.kick();
      }
    }
    if (failure !== undefined) throw failure;
    return false;
  }

  #isThere(run: Run): boolean {
    return this.#sealed.parts.some((part) => part.kind === 'run' && part.run === run);
  }

  #giveUp(part: Part): void {
    this.#sealed.replace([part], []);
    if (part.kind !== 'run') return;
    const { disk, dedupeDir } = this.#options;
    const removal = removeRun(disk, dedupeDir, part.run, this.#sealed.parts);
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }
}
