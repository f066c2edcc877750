import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryCode } from '@millrace/spec';
import { adoptFolders, scanFile } from './adoption.ts';
import { FOLDER_MODE } from './disk.ts';
import type { Lease, Owner } from './lease.ts';
import type { ScannedFile } from './segment.ts';

interface AdopterPorts {
  dir: string;
  /** Where files go of which nothing can be read. */
  rejectedFolder: string;
  owner: Owner;
  /** What several left may be more than one is meant to hold; the rest is taken when there is room. */
  hasRoom: () => boolean;
  /** These have something to send, oldest first. */
  onFiles: (files: readonly ScannedFile[]) => void;
  report: (code: LibraryCode, cause: unknown, what?: string) => void;
}

/** Takes over what dead clients left, file by file. */
export class Adopter {
  #ports: AdopterPorts;
  #stopped = false;

  constructor(ports: AdopterPorts) {
    this.#ports = ports;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** What is in the lease's folder by now, and was not told of, is for whoever adopts that. */
  stop(): void {
    this.#stopped = true;
  }

  /** Never rejects. */
  async adopt(lease: Lease): Promise<void> {
    const { dir, owner, hasRoom, onFiles, report } = this.#ports;
    try {
      if (!hasRoom()) return;
      for await (const files of adoptFolders(dir, lease, owner)) {
        const scanned = await this.#scanAll(files);
        if (this.#stopped) return;
        if (scanned.length > 0) onFiles(scanned);
        if (!hasRoom()) return;
      }
    } catch (error) {
      if (!this.#stopped) report('SPOOL_UNAVAILABLE', error);
    }
  }

  async #scanAll(files: readonly string[]): Promise<ScannedFile[]> {
    const scanned: ScannedFile[] = [];
    for (const file of files) {
      try {
        const scan = await scanFile(file);
        this.#reportTorn(scan);
        if (scan.settledCount < scan.endIndex) scanned.push(scan);
        else if (scan.endIndex > 0 || scan.isEmpty) await rm(file);
        else await this.#setAside(file);
      } catch (error) {
        this.#ports.report('SPOOL_DAMAGED', error);
      }
    }
    return scanned;
  }

  #reportTorn({ file, tornBytes }: ScannedFile): void {
    if (tornBytes === 0) return;
    const what = `${tornBytes} bytes at the end of ${path.basename(file)}`;
    this.#ports.report(
      'SPOOL_DAMAGED',
      undefined,
      `${what} are no events: the write was not finished, or damaged`,
    );
  }

  /** Nothing in it can be read, by this version at least. */
  async #setAside(file: string): Promise<void> {
    const { rejectedFolder } = this.#ports;
    await mkdir(rejectedFolder, { recursive: true, mode: FOLDER_MODE });
    await rename(file, path.join(rejectedFolder, path.basename(file)));
  }
}
