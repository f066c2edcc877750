import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock } from '../lock.ts';
import { realDisk, rebuildRuns } from '../log/index.ts';
import { examine, type Examination, type ExamineOptions } from './doctor.ts';

export interface Rebuilt {
  /** As it is afterwards. */
  examination: Examination;
  /** Below the data folder. */
  made: string[];
  removed: string[];
}

/**
 * Makes again what is derived from the log and is missing or damaged; touches nothing else. Holds both locks meanwhile, so
 * that neither a server nor a router can be at work.
 * @throws {LockHeldError} One is.
 * @throws {LogReadError} A segment cannot be read.
 */
export async function rebuild(options: Omit<ExamineOptions, 'isOwner'>): Promise<Rebuilt> {
  const { dataDir } = options;
  const serverLock = await acquireLock(join(dataDir, 'server.lock'), { waitMs: 0 });
  try {
    const routerLock = await acquireLock(join(dataDir, 'router.lock'), { waitMs: 0 });
    try {
      return await rebuildDerived(dataDir, { ...options, isOwner: true });
    } finally {
      routerLock.release();
    }
  } finally {
    serverLock.release();
  }
}

async function rebuildDerived(dataDir: string, options: ExamineOptions): Promise<Rebuilt> {
  const { derived } = await examine(options);
  const { uncovered, damagedRuns, damagedIndexes } = derived;
  if (uncovered.length + damagedRuns.length > 0) {
    const dedupeDir = join(dataDir, 'dedupe');
    const logDir = join(dataDir, 'log');
    await rebuildRuns({ disk: realDisk, logDir, dedupeDir, segments: uncovered, damaged: damagedRuns });
  }
  for (const name of damagedIndexes) await rm(join(dataDir, 'index', name), { force: true });
  return {
    examination: await examine(options),
    made: uncovered.map(({ sequence }) => `the run of segment ${sequence}`),
    removed: [
      ...damagedRuns.map((name) => `dedupe/${name}`),
      ...damagedIndexes.map((name) => `index/${name}`),
    ],
  };
}
