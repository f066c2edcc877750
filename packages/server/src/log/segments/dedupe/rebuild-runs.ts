import { join } from 'node:path';
import type { Disk } from '../disk.ts';
import type { SealedSegment } from '../segment-chain.ts';
import { coverageOf } from './coverage.ts';
import { writeRun } from './run-writer.ts';
import { hashesOfSegment } from './segment-hashes.ts';

export interface RebuildRunsOptions {
  disk: Disk;
  logDir: string;
  dedupeDir: string;
  /** Of which there is no sound run. */
  segments: readonly SealedSegment[];
  /** Names of runs that are of no use any more once those are written. */
  damaged: readonly string[];
}

/**
 * Makes a run of each of the segments, then removes what is damaged. Nobody else may write the folder.
 * @throws {LogReadError} A segment cannot be read.
 * @throws What the disk says; what is damaged is still there then.
 */
export async function rebuildRuns(options: RebuildRunsOptions): Promise<void> {
  const { disk, logDir, dedupeDir, segments, damaged } = options;
  const never = new AbortController().signal;
  const written = new Set<string>();
  await disk.makeDirectory(dedupeDir);
  for (const segment of segments) {
    const { table } = await hashesOfSegment(disk, logDir, segment);
    const made = { coverage: coverageOf(segment), maxHashCount: table.count, hashes: table.sorted() };
    const run = await writeRun(disk, dedupeDir, made, never);
    written.add(run.name);
    await run.close();
  }
  for (const name of damaged) if (!written.has(name)) await disk.remove(join(dedupeDir, name));
  await disk.syncDirectory(dedupeDir);
}
