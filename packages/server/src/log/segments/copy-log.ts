import { constants, copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startsIn } from './log-start.ts';
import { syncFile, syncFolder } from '../../sync-path.ts';

const ATTEMPT_COUNT = 10;

/**
 * Copies the log of a running server; on disk when it resolves. Every event is in it that was durable before the call. All
 * names are taken before any file: whatever is not the newest of them was closed by then, and recovery cuts the newest where
 * it was being written. What is given up meanwhile may be missing at the beginning, if the name that says so is there: where
 * that one is new, the copy is made again.
 * @param to An empty folder, or none.
 */
export async function copyLog(
  from: string,
  to: string,
  list: (folder: string) => Promise<string[]> = (folder) => readdir(folder),
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPT_COUNT; attempt += 1) {
    await mkdir(to, { recursive: true });
    const names = await list(from);
    for (const name of names) await copyUnlessGone(join(from, name), join(to, name));
    const after = await list(from);
    if (startsIn(after).at(-1) === startsIn(names).at(-1)) {
      await syncFolder(to);
      return;
    }
    await rm(to, { recursive: true });
  }
  throw new Error('the log was trimmed each time that it was copied');
}

async function copyUnlessGone(from: string, to: string): Promise<void> {
  try {
    // Where the file system can share blocks, they are.
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await syncFile(to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
