import path from 'node:path';
import { FILE_MODE, fileName, FOLDER_MODE, type SpoolDisk } from './disk.ts';

/** So that what was refused can be told by its age; the oldest of this many files goes first. */
const FILE_COUNT = 8;

interface RejectedPorts {
  disk: SpoolDisk;
  nowMs: () => number;
  /** Of all clients that share it. */
  folder: string;
  maxBytes: number;
}

/**
 * Events that the server refused for good, for people to read: a line of JSON for each, with the time,
 * the code, and the event as it was sent. Bounded: the oldest file gives way.
 */
export class RejectedEvents {
  #ports: RejectedPorts;
  #file: { name: string; bytes: number } | undefined;

  constructor(ports: RejectedPorts) {
    this.#ports = ports;
  }

  /** @throws what the disk throws. */
  add(events: readonly string[], code: string, ownerId: string): void {
    const { disk, nowMs, folder, maxBytes } = this.#ports;
    const head = `{"rejectedAt":"${new Date(nowMs()).toISOString()}","code":${JSON.stringify(code)},"event":`;
    const lines = events.map((json) => `${head}${json}}\n`).join('');
    if (!this.#file || this.#file.bytes > maxBytes / FILE_COUNT) {
      disk.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
      this.#removeOldest();
      this.#file = { name: fileName(nowMs(), ownerId, '.ndjson'), bytes: 0 };
    }
    disk.appendFileSync(path.join(folder, this.#file.name), lines, { mode: FILE_MODE });
    this.#file.bytes += Buffer.byteLength(lines);
  }

  #removeOldest(): void {
    const { disk, folder, maxBytes } = this.#ports;
    const files = disk.readdirSync(folder).toSorted();
    const sizes = files.map((name) => disk.statSync(path.join(folder, name)).size);
    let total = sizes.reduce((sum, size) => sum + size, 0);
    for (const [at, name] of files.entries()) {
      if (total <= maxBytes - maxBytes / FILE_COUNT) return;
      disk.rmSync(path.join(folder, name), { force: true });
      total -= sizes[at]!;
    }
  }
}
