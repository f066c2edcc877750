import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { copyLog } from '../log/index.ts';
import { copyDatabase, sqliteFault } from '../sqlite/index.ts';
import { syncFolder } from '../sync-path.ts';

export interface BackupFlags {
  data: string;
}

const EXIT_FAILED = 2;

/** `millrace backup <folder>`: a copy of the data folder, whole or not there at all, also of a running server. */
export async function runBackup(folder: string, flags: BackupFlags): Promise<void> {
  const from = resolve(flags.data);
  const to = resolve(folder);
  const refusal = !existsSync(join(from, 'log'))
    ? `${from} is no data folder: there is no log in it`
    : existsSync(to) && `${to} exists already`;
  if (refusal) {
    fail(refusal);
    return;
  }
  let partial: string | undefined;
  try {
    await mkdir(dirname(to), { recursive: true });
    partial = await mkdtemp(`${to}.partial-`);
    // The ledger before the log: whatever it says was had is in a log that is copied later.
    copyIfThere(join(from, 'ledger.db'), join(partial, 'ledger.db'));
    await copyLog(join(from, 'log'), join(partial, 'log'));
    copyIfThere(join(from, 'refused.db'), join(partial, 'refused.db'));
    const sources = join(from, 'sources.json');
    if (existsSync(sources)) await copyFile(sources, join(partial, 'sources.json'));
    await syncFolder(partial);
    await rename(partial, to);
    await syncFolder(dirname(to));
  } catch (error) {
    if (partial !== undefined) await rm(partial, { recursive: true, force: true });
    fail(reasonOf(error));
  }
}

function copyIfThere(path: string, to: string): void {
  if (existsSync(path)) copyDatabase(path, to);
}

function reasonOf(error: unknown): string {
  const fault = sqliteFault(error);
  if (fault !== undefined) return `ledger.db or refused.db: ${fault}`;
  return error instanceof Error ? error.message : 'the copy failed';
}

function fail(reason: string): void {
  process.stderr.write(`millrace: ${reason}\n`);
  process.exitCode = EXIT_FAILED;
}
