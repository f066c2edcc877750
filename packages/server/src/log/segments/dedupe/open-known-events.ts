import { join } from 'node:path';
import type { Position } from '../../log.ts';
import type { SegmentChain } from '../segment-chain.ts';
import { BLOCK_HASHES } from './run-format.ts';
import { filterBitsPerHash } from './blocked-filter.ts';
import { belongsTo, coverageOf, includes } from './coverage.ts';
import type { HashTable } from './hash-table.ts';
import { KnownEvents, type KnownEventsOptions } from './known-events.ts';
import { firstSequenceOf, listRuns, openRun, removeRun } from './run-files.ts';
import { RunReadError, type Run } from './run.ts';
import { writeRun } from './run-writer.ts';
import { SealedHashes, type RunPart } from './sealed-hashes.ts';
import { hashesOfSegment } from './segment-hashes.ts';
import { Upkeep } from './upkeep.ts';

/** Of a run in memory: its filter, and its index. */
function runBytes(hashCount: number): number {
  return hashCount * bytesPerHash(hashCount);
}

/** The most hashes that a run of so many bytes in memory may have. */
function mostHashes(bytes: number): number {
  const asLarge = Math.floor(bytes / bytesPerHash(Infinity));
  return runBytes(asLarge) <= bytes ? asLarge : Math.floor(bytes / bytesPerHash(0));
}

function bytesPerHash(hashCount: number): number {
  return filterBitsPerHash(hashCount) / 8 + 4 / BLOCK_HASHES;
}

const MAX_RUN_COUNT = 8;

export interface OpenKnownEventsOptions extends Omit<KnownEventsOptions, 'budgetBytes'> {
  logDir: string;
  maxMemoryBytes: number;
}

/**
 * Finds the runs, and reads again each sealed segment in the window for which there is none, before anything is
 * accepted: so no duplicate is missed for want of a run.
 * @throws {LogReadError} Such a segment cannot be read.
 * @throws {RunReadError} A run cannot be read, and its segments are no more.
 */
export async function openKnownEvents(
  options: OpenKnownEventsOptions,
  log: { chain: SegmentChain; active: HashTable; end: Position },
): Promise<KnownEvents> {
  const { disk, clock, logDir, dedupeDir, windowMs, maxMemoryBytes, onNotice } = options;
  // A quarter is for the run that is being made of others, while they are still needed.
  const budgetBytes = (maxMemoryBytes * 3) / 4;
  const limits = {
    maxRunCount: MAX_RUN_COUNT,
    maxHashCount: mostHashes(maxMemoryBytes / 4),
    maxSpanMs: windowMs / 4,
  };
  const sealed = new SealedHashes();
  const { runs, useless, damagedNames } = await soundRuns(options, log);
  sealed.replace(
    [],
    runs.map((run): RunPart => ({ kind: 'run', coverage: run.coverage, run })),
  );
  for (const run of useless) await removeRun(disk, dedupeDir, run, sealed.parts);

  const oldestMs = clock.nowMs() - windowMs;
  const missing = log.chain.sealed.filter(
    (segment) =>
      segment.sealedAtMs >= oldestMs && !runs.some(({ coverage }) => includes(coverage, coverageOf(segment))),
  );
  if (missing.length > 0) onNotice({ kind: 'rebuilding', segmentCount: missing.length });
  let cappedMs = -Infinity;
  // The newest first: where memory ends, it is the oldest that are left out.
  for (const segment of missing.toReversed()) {
    const bytes = runBytes(segment.endPosition - segment.basePosition);
    if (log.active.memoryBytes + sealed.memoryBytes + bytes > budgetBytes) {
      cappedMs = segment.sealedAtMs;
      onNotice({ kind: 'capped', sinceMs: cappedMs });
      break;
    }
    const { table } = await hashesOfSegment(disk, logDir, segment);
    const coverage = coverageOf(segment);
    const never = new AbortController().signal;
    const made = { coverage, maxHashCount: table.count, hashes: table.sorted() };
    const run = await writeRun(disk, dedupeDir, made, never).catch(() => undefined);
    sealed.replace([], [run ? { kind: 'run', coverage, run } : { kind: 'table', coverage, table }]);
  }
  for (const name of damagedNames) {
    const isReplaced = sealed.parts.some((part) => part.kind === 'run' && part.run.name === name);
    if (!isReplaced) await disk.remove(join(dedupeDir, name)).catch(() => {});
  }
  const upkeep = new Upkeep({ disk, clock, logDir, dedupeDir, limits, onNotice }, sealed);
  return new KnownEvents(
    { disk, clock, dedupeDir, windowMs, budgetBytes, onNotice },
    { active: log.active, sealed, upkeep, cappedMs },
  );
}

/** The runs of this log that can be used and whose hashes are in no other, and those that are of no use. */
async function soundRuns(
  { disk, dedupeDir, onNotice }: OpenKnownEventsOptions,
  { chain, end }: { chain: SegmentChain; end: Position },
): Promise<{ runs: Run[]; useless: Run[]; damagedNames: string[] }> {
  await disk.makeDirectory(dedupeDir);
  const { runs: names, unfinished } = await listRuns(disk, dedupeDir);
  for (const name of unfinished) await disk.remove(join(dedupeDir, name)).catch(() => {});
  const start = chain.segments[0] ?? { sequence: Infinity, basePosition: end, createdAtMs: 0 };
  const opened: Run[] = [];
  const damagedNames: string[] = [];
  for (const name of names) {
    try {
      opened.push(await openRun(disk, dedupeDir, name));
    } catch (error) {
      if (!(error instanceof RunReadError)) throw error;
      const isRemakable = start.sequence <= firstSequenceOf(name);
      // Another try may read it, where nothing else can say what was in it.
      if (error.code === 'io' && !isRemakable) throw error;
      if (!isRemakable) onNotice({ kind: 'forgotten', toMs: start.createdAtMs });
      onNotice({ kind: 'run-damaged', reason: error.message });
      damagedNames.push(name);
    }
  }
  const own = opened.filter(({ coverage }) => belongsTo(coverage, chain.sealed, start.basePosition));
  const runs = own.filter(
    (run) => !own.some((other) => other !== run && includes(other.coverage, run.coverage)),
  );
  return { runs, useless: opened.filter((run) => !runs.includes(run)), damagedNames };
}
