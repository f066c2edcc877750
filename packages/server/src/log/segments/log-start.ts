import { join } from 'node:path';
import type { Position } from '../log.ts';
import type { Disk } from './disk.ts';

/*
 * Where the log starts is said by the name of an empty file, so that it is there as a whole or not at all, and a full disk
 * does not refuse it. Without one the log starts at 0. What is missing behind the start is lost, what is before was given up.
 */

function startName(position: Position): string {
  return `${String(position).padStart(16, '0')}.start`;
}

/** The starts that are said by names of the folder, ascending: the last one counts, those before are left over. */
export function startsIn(names: readonly string[]): Position[] {
  const starts = names.flatMap((name) => {
    const digits = /^(\d{16})\.start$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return starts.toSorted((a, b) => a - b);
}

/** Whether a name in the folder is one that the log gives. */
export function isLogFile(name: string): boolean {
  return /^(\d{10}\.segment|\d{16}\.start)$/.test(name);
}

/** Durable when it resolves: only then may what is before be removed. */
export async function writeStart(disk: Disk, dir: string, position: Position): Promise<void> {
  try {
    const file = await disk.create(join(dir, startName(position)));
    await file.close().catch(() => {});
  } catch (error) {
    // Of an earlier call, which failed behind it.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  await disk.syncDirectory(dir);
}

export async function removeStart(disk: Disk, dir: string, position: Position): Promise<void> {
  await disk.remove(join(dir, startName(position)));
}
