import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { analyticsError, type AnalyticsError } from '../errors.ts';
import { FILE_MODE, FOLDER_MODE, type SpoolDisk } from './disk.ts';

/** Of a `sockaddr_un`: 104 bytes on macOS and the BSDs, 108 on Linux, the last one a zero. Longer is cut silently. */
const MAX_SOCKET_PATH_BYTES = 103;
export const LEASE_FILE = 'lease.json';
const ID = /^[0-9a-f]{8}$/;

/** Whose events a folder holds, as its lease file says. */
export interface Owner {
  hostname: string;
  /** Of write key and address: only a client of the same ones may send the events. The key itself is not kept. */
  target: string;
}

/** A folder of one client's own. It is alive as long as its socket listens, which ends with the process. */
export interface Lease {
  readonly id: string;
  readonly folder: string;
  /** From now on somebody else may take what is in the folder. @throws what the disk throws. */
  release(): void;
}

export function ownerOf(writeKey: string, url: string): Owner {
  const target = createHash('sha256').update(`${writeKey}\n${url}`).digest('hex').slice(0, 32);
  return { hostname: os.hostname(), target };
}

/** @throws AnalyticsError `SPOOL_PATH_TOO_LONG` when a socket in the folder could not be reached by its path. */
export function assertSocketsFit(dir: string): void {
  if (process.platform === 'win32') return;
  const bytes = Buffer.byteLength(socketPath(dir, '0'.repeat(8)));
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw analyticsError(
    'SPOOL_PATH_TOO_LONG',
    `The option "spool.dir" makes socket paths of ${bytes} bytes, and the system takes ${MAX_SOCKET_PATH_BYTES}; found ${JSON.stringify(dir)}.`,
  );
}

/**
 * Takes a new folder in `dir`. The socket listens before the folder exists, so that no folder ever
 * looks abandoned while its owner is starting.
 * @throws what the disk throws.
 */
export function acquireLease(disk: SpoolDisk, dir: string, owner: Owner): Lease {
  disk.mkdirSync(dir, { recursive: true, mode: FOLDER_MODE });
  // A socket that cannot be made says why only later.
  disk.accessSync(dir, constants.W_OK);
  const id = randomBytes(4).toString('hex');
  const folder = path.join(dir, id);
  const server = listen(socketPath(dir, id));
  try {
    disk.mkdirSync(folder, { mode: FOLDER_MODE });
    const lease = JSON.stringify({ version: 1, pid: process.pid, ...owner });
    disk.writeFileSync(path.join(folder, LEASE_FILE), `${lease}\n`, { mode: FILE_MODE });
  } catch (error) {
    server.close();
    throw error;
  }
  const release = (): void => {
    server.close();
    const leftNothing = disk.readdirSync(folder).every((name) => name === LEASE_FILE);
    if (leftNothing) disk.rmSync(folder, { recursive: true, force: true });
  };
  return { id, folder, release };
}

/** Whether nobody owns the folder `id` any more, or whether that cannot be told for sure. */
export function isAbandoned(dir: string, id: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath(dir, id));
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code === 'ECONNREFUSED' || code === 'ENOENT'),
    );
  });
}

/** Whose events are in the folder; undefined where that cannot be read. */
export async function readOwner(folder: string): Promise<Owner | undefined> {
  try {
    const { hostname, target } = JSON.parse(
      await readFile(path.join(folder, LEASE_FILE), 'utf8'),
    ) as Partial<Owner>;
    return typeof hostname === 'string' && typeof target === 'string' ? { hostname, target } : undefined;
  } catch {
    return undefined;
  }
}

export function isLeaseId(name: string): boolean {
  return ID.test(name);
}

/** Windows has named pipes instead, which are in no folder. */
export function socketPath(dir: string, id: string): string {
  const folder = path.join(dir, id);
  if (process.platform !== 'win32') return `${folder}.sock`;
  return `\\\\.\\pipe\\millrace-${createHash('sha256').update(folder).digest('hex').slice(0, 32)}`;
}

function listen(address: string): net.Server {
  const server = net.createServer((socket) => socket.destroy());
  let failure: AnalyticsError | undefined;
  server.on('error', (error: AnalyticsError) => {
    failure = error;
  });
  // `exclusive`, or a cluster's primary would listen in place of its worker, and outlive it.
  server.listen({ path: address, exclusive: true });
  server.unref();
  if (!server.listening) throw failure ?? new Error(`no socket can be made at ${address}`);
  return server;
}
