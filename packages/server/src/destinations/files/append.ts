import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../sync-path.ts';

/**
 * Replaces all of a file behind `offset` with `data` and syncs it; makes the file when it is missing.
 * A file that is shorter, because somebody rotated it away, is appended to where it ends.
 * @returns Where the file ends now.
 */
export async function appendAt(path: string, offset: number, data: Buffer): Promise<number> {
  const file = await open(path, 'a+');
  try {
    const { size } = await file.stat();
    const start = Math.min(offset, size);
    if (size > start) await file.truncate(start);
    const separator = await lineBreakAt(file, start);
    await file.appendFile(Buffer.concat([separator, data]));
    await file.datasync();
    // The first bytes of a file: its name may not be on the disk yet.
    if (start === 0) await syncFolder(dirname(path));
    return start + separator.length + data.length;
  } finally {
    await file.close();
  }
}

/** Removes what lies behind `offset`, for good; nothing when there is nothing. */
export async function cutTo(path: string, offset: number): Promise<void> {
  if ((await sizeOf(path)) <= offset) return;
  const file = await open(path, 'r+');
  try {
    await file.truncate(offset);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** 0 when there is no such file. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/** What is needed at `offset` to begin a line there: others may have written the file, or power loss torn it. */
async function lineBreakAt(file: FileHandle, offset: number): Promise<Buffer> {
  if (offset === 0) return Buffer.alloc(0);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, offset - 1);
  return Buffer.from(buffer.toString('latin1') === '\n' ? '' : '\n');
}
