import fs from 'node:fs';

/** What the spool does with files on the program's own thread; injected, so that tests can fill the disk. */
export type SpoolDisk = Pick<
  typeof fs,
  | 'accessSync'
  | 'appendFileSync'
  | 'closeSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readFileSync'
  | 'rmSync'
  | 'statSync'
  | 'writeFileSync'
  | 'writeSync'
>;

export const nodeDisk: SpoolDisk = fs;

/** Events are the users' data: nobody else on the machine may read them. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/** All of the bytes, since one `write` may take only a part of them. */
export function writeAll(disk: SpoolDisk, fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length;) {
    at += disk.writeSync(fd, bytes, at, bytes.length - at, position + at);
  }
}

/** Names sort by the time of creation. */
export function fileName(createdMs: number, ownerId: string, extension: string): string {
  return `${String(createdMs).padStart(15, '0')}-${ownerId}${extension}`;
}
