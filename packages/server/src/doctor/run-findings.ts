import { stat } from 'node:fs/promises';
import { examineRuns, realDisk, type ExaminedRun, type LogExamination } from '../log/index.ts';
import type { Finding } from './finding.ts';

export interface RunCheck {
  findings: Finding[];
  /** What a rebuild makes, and what it then removes. */
  uncovered: LogExamination['sealed'];
  damaged: string[];
}

export const REBUILD_ADVICE = 'with the server stopped, "millrace doctor --rebuild" makes it again';

export async function checkRuns(
  dedupeDir: string,
  { log, isLive, oldestMs }: { log: LogExamination; isLive: boolean; oldestMs: number },
): Promise<RunCheck> {
  if (!(await isFolder(dedupeDir))) return { ...missing(log, isLive, oldestMs), damaged: [] };
  const { sealed } = log;
  const from = sealed[0]?.basePosition ?? log.end ?? Infinity;
  const { runs, uncovered } = await examineRuns({ disk: realDisk, dedupeDir, sealed, from, oldestMs });
  return {
    findings: [...runs.map(runFinding), ...coverage(sealed.length, uncovered.length, isLive)],
    uncovered,
    damaged: runs.flatMap((run) => (run.kind === 'damaged' && run.isRemakable ? [run.name] : [])),
  };
}

function missing({ sealed }: LogExamination, isLive: boolean, oldestMs: number): Omit<RunCheck, 'damaged'> {
  const uncovered = sealed.filter(({ sealedAtMs }) => sealedAtMs >= oldestMs);
  return { findings: coverage(sealed.length, uncovered.length, isLive), uncovered };
}

function coverage(sealedCount: number, uncoveredCount: number, isLive: boolean): Finding[] {
  const file = 'dedupe/';
  if (sealedCount === 0) return [];
  if (uncoveredCount === 0) {
    return [{ state: 'ok', file, message: 'every sealed segment of the window has its hashes in a run' }];
  }
  const by = isLive
    ? 'the server has their hashes in memory'
    : 'the next start reads them again before it accepts anything';
  return [
    {
      state: 'ok',
      file,
      message: `${uncoveredCount} sealed segments of the window are in no sound run; ${by}`,
    },
  ];
}

function runFinding(run: ExaminedRun): Finding {
  const file = `dedupe/${run.name}`;
  switch (run.kind) {
    case 'sound': {
      const { from, to } = run.coverage;
      return { state: 'ok', file, message: `${run.hashCount} hashes of positions ${from} to ${to}` };
    }
    case 'unfinished':
      return {
        state: 'ok',
        file,
        message: 'its making was interrupted or goes on; the next start removes what is left',
      };
    case 'useless': {
      const why = run.why === 'superseded' ? 'what it has is in another run' : 'it is not of this log';
      return { state: 'ok', file, message: `${why}: it is not used, and the next start removes it` };
    }
    default: {
      const lost =
        'its segments were given up, so it cannot be made again: duplicates of events before the log are not found';
      return {
        state: 'derived-damaged',
        file,
        message: run.reason,
        advice: run.isRemakable ? REBUILD_ADVICE : lost,
      };
    }
  }
}

export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
