import { open, mkdir, readdir, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncFolder } from '../../sync-path.ts';

/**
 * What the segments need of a file system, and all that the simulated one must imitate. Nothing
 * is durable before its `sync`: neither bytes, nor a length, nor (`syncDirectory`) a name.
 */
export interface Disk {
  /** Makes the folder and those above it where they are missing, durably. */
  makeDirectory(path: string): Promise<void>;
  /** The names in the folder, in any order. */
  list(directory: string): Promise<string[]>;
  /** Rejects when the file exists. */
  create(path: string): Promise<DiskFile>;
  open(path: string, mode: 'read' | 'readwrite'): Promise<DiskFile>;
  remove(path: string): Promise<void>;
  /** In one step; what had the new name is gone. Both names are in one folder. */
  rename(from: string, to: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

export interface DiskFile {
  sizeBytes(): Promise<number>;
  /** Fills `into` from `offset` on; returns how many bytes there were, fewer only at the file's end. */
  read(into: Buffer, offset: number): Promise<number>;
  /** Writes all of it or rejects; then any part of it may have been written. */
  write(parts: readonly Buffer[], offset: number): Promise<void>;
  truncate(lengthBytes: number): Promise<void>;
  /** Makes bytes and length durable. After a failure, what was written since the last one may be lost. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export const realDisk: Disk = {
  async makeDirectory(path) {
    const directory = resolve(path);
    // For its owner alone: it is going to hold personal data.
    const first = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new folder is an entry of the one above it.
    for (let made = directory; made.length >= first.length; made = dirname(made)) {
      await realDisk.syncDirectory(dirname(made));
    }
  },
  list: (directory) => readdir(directory),
  create: async (path) => realFile(await open(path, 'wx+')),
  open: async (path, mode) => realFile(await open(path, mode === 'read' ? 'r' : 'r+')),
  remove: (path) => unlink(path),
  rename: (from, to) => rename(from, to),
  syncDirectory: syncFolder,
};

function realFile(handle: FileHandle): DiskFile {
  return {
    sizeBytes: async () => (await handle.stat()).size,
    async read(into, offset) {
      let filledBytes = 0;
      while (filledBytes < into.length) {
        const { bytesRead } = await handle.read(
          into,
          filledBytes,
          into.length - filledBytes,
          offset + filledBytes,
        );
        if (bytesRead === 0) break;
        filledBytes += bytesRead;
      }
      return filledBytes;
    },
    async write(parts, offset) {
      let rest = parts;
      let at = offset;
      while (rest.length > 0) {
        // A short write carries no error; writing the rest brings the error, ENOSPC for one.
        const { bytesWritten } = await handle.writev(rest, at);
        if (bytesWritten === 0) throw new Error('nothing was written');
        at += bytesWritten;
        rest = withoutFirst(rest, bytesWritten);
      }
    },
    truncate: (lengthBytes) => handle.truncate(lengthBytes),
    // fdatasync flushes the file's size as well (fdatasync(2)).
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

function withoutFirst(parts: readonly Buffer[], count: number): Buffer[] {
  let skipBytes = count;
  const rest: Buffer[] = [];
  for (const part of parts) {
    if (skipBytes < part.length) rest.push(part.subarray(skipBytes));
    skipBytes = Math.max(0, skipBytes - part.length);
  }
  return rest;
}
