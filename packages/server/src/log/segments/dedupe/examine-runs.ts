import type { Position } from '../../log.ts';
import type { Disk } from '../disk.ts';
import type { SealedSegment } from '../segment-chain.ts';
import { belongsTo, coverageOf, includes, type Coverage } from './coverage.ts';
import { HASH_WORDS } from './hash-words.ts';
import { firstSequenceOf, listRuns, openRun } from './run-files.ts';
import { RunReadError, type Run } from './run.ts';

export type ExaminedRun = { name: string } & (
  | { kind: 'sound'; coverage: Coverage; hashCount: number }
  /** Of no use: another run has what it has, or it is of another log. */
  | { kind: 'useless'; why: 'superseded' | 'other-log' }
  /** Its making was interrupted, or goes on. */
  | { kind: 'unfinished' }
  /** Made again from the segments, unless they were given up. */
  | { kind: 'damaged'; reason: string; isRemakable: boolean }
);

export interface RunExamination {
  runs: ExaminedRun[];
  /** In the window, and in no sound run. */
  uncovered: SealedSegment[];
}

export interface ExamineRunsOptions {
  disk: Disk;
  dedupeDir: string;
  /** Of the log that the runs are of, oldest first. */
  sealed: readonly SealedSegment[];
  /** Where what the log has begins. */
  from: Position;
  /** Segments that were sealed before need no run. */
  oldestMs: number;
}

/** Reads every block of every run and changes nothing. */
export async function examineRuns(options: ExamineRunsOptions): Promise<RunExamination> {
  const { disk, dedupeDir, sealed, from, oldestMs } = options;
  const { runs: names, unfinished } = await listRuns(disk, dedupeDir);
  const examined: ExaminedRun[] = unfinished.map((name) => ({ name, kind: 'unfinished' }));
  const sound: { name: string; coverage: Coverage; hashCount: number }[] = [];
  for (const name of names) {
    const found = await readRun(disk, dedupeDir, name);
    if (found === 'gone') continue;
    if (found instanceof RunReadError) {
      const isRemakable = (sealed[0]?.sequence ?? Infinity) <= firstSequenceOf(name);
      examined.push({ name, kind: 'damaged', reason: found.message, isRemakable });
    } else if (belongsTo(found.coverage, sealed, from)) sound.push({ name, ...found });
    else examined.push({ name, kind: 'useless', why: 'other-log' });
  }
  for (const run of sound) {
    const isSuperseded = sound.some((other) => other !== run && includes(other.coverage, run.coverage));
    examined.push(
      isSuperseded ? { name: run.name, kind: 'useless', why: 'superseded' } : { kind: 'sound', ...run },
    );
  }
  return {
    runs: examined.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    uncovered: sealed.filter(
      (segment) =>
        segment.sealedAtMs >= oldestMs &&
        !sound.some(({ coverage }) => includes(coverage, coverageOf(segment))),
    ),
  };
}

async function readRun(
  disk: Disk,
  dir: string,
  name: string,
): Promise<Pick<Run, 'coverage' | 'hashCount'> | RunReadError | 'gone'> {
  let run: Run | undefined;
  try {
    run = await openRun(disk, dir, name);
    const { coverage, hashCount } = run;
    const fault = await faultIn(run);
    return fault ?? { coverage, hashCount };
  } catch (error) {
    if (!(error instanceof RunReadError)) throw error;
    // Merged into another meanwhile.
    const isGone = error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ENOENT';
    return isGone ? 'gone' : error;
  } finally {
    await run?.close();
  }
}

async function faultIn(run: Run): Promise<RunReadError | undefined> {
  const unreadable: unknown[] = [];
  let hashCount = 0;
  for await (const hashes of run.sorted((error) => unreadable.push(error)))
    hashCount += hashes.length / HASH_WORDS;
  const first = unreadable[0];
  if (first instanceof RunReadError) {
    const more = unreadable.length > 1 ? ` and ${unreadable.length - 1} more` : '';
    return new RunReadError(first.code, `${first.message}${more}`);
  }
  if (hashCount === run.hashCount) return undefined;
  return new RunReadError(
    'damaged',
    `run ${run.name} is damaged: it has ${hashCount} of ${run.hashCount} hashes`,
  );
}
