import { readdir, readFile, rename, rm, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import {
  isAbandoned,
  isLeaseId,
  LEASE_FILE,
  readOwner,
  socketPath,
  type Lease,
  type Owner,
} from './lease.ts';
import { decodeSettled, FILE_HEADER_BYTES, scanRecords } from './record.ts';
import { isSegmentFile, type ScannedFile } from './segment.ts';

/**
 * Takes the folders of dead clients of the same owner into the lease's folder, one by one as it is
 * iterated. A rename decides which of several adopters has one. Each of them may die at any time: whoever
 * adopts it takes what it had taken.
 * @returns for each folder its spool files, oldest first.
 * @throws what the disk throws.
 */
export async function* adoptFolders(dir: string, lease: Lease, owner: Owner): AsyncGenerator<string[]> {
  for (const id of await readdir(dir)) {
    if (!isLeaseId(id) || id === lease.id) continue;
    const found = await readOwner(path.join(dir, id));
    if (found?.hostname !== owner.hostname || found.target !== owner.target) continue;
    if (!(await isAbandoned(dir, id))) continue;
    const taken = path.join(lease.folder, id);
    try {
      await rename(path.join(dir, id), taken);
    } catch {
      continue; // Somebody else has it.
    }
    await unlink(socketPath(dir, id)).catch(() => undefined);
    yield (await emptyInto(lease.folder, taken)).toSorted();
  }
}

/** All files have names of their own, so one folder can hold those of many. */
async function emptyInto(target: string, folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const from = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      files.push(...(await emptyInto(target, from)));
    } else if (isSegmentFile(entry.name)) {
      const file = path.join(target, entry.name);
      await rename(from, file);
      files.push(file);
    } else if (entry.name === LEASE_FILE) {
      await rm(from);
    }
  }
  await rmdir(folder);
  return files;
}

/** What a file that another process left holds. @throws what the disk throws. */
export async function scanFile(file: string): Promise<ScannedFile> {
  const bytes = await readFile(file);
  let endIndex = 0;
  const soundEnd = scanRecords(bytes, ({ index }) => {
    endIndex = index + 1;
  });
  return {
    file,
    bytes: bytes.length,
    settledCount: Math.min(decodeSettled(bytes), endIndex),
    endIndex,
    tornBytes: bytes.length - soundEnd,
    isEmpty: bytes.length <= FILE_HEADER_BYTES,
  };
}
