import { basename, dirname } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';

/** What becomes of one operation of the disk. */
export type Fate =
  | { kind: 'works' }
  /** A write or sync that fails does a part of its work first. */
  | { kind: 'fails'; code: 'ENOSPC' | 'EIO' }
  /** The process ends in it, and it too may have done a part. */
  | { kind: 'crashes' };

/**
 * `kill`: the process ends, what it wrote is in the system's memory. `power-loss`: of what was not
 * synced any part is lost: a name, a write, the end of one; or its bytes, but not the length.
 */
export type Crash = 'kill' | 'power-loss';

interface Write {
  kind: 'write';
  offset: number;
  bytes: Buffer;
}
type Change = Write | { kind: 'truncate'; lengthBytes: number };

interface Inode {
  /** What reads see. */
  inMemory: Buffer;
  onDisk: Buffer;
  unsynced: Change[];
}

/** A name that is not yet on the disk, or still there: what a power loss may undo, in any combination. */
type NameChange =
  | { kind: 'set'; path: string; inode: Inode }
  | { kind: 'remove'; path: string }
  | { kind: 'rename'; from: string; to: string; inode: Inode };

/**
 * Folders of files that keep across a crash what was synced, and of the rest what chance
 * decides. After a failed sync what was written before is in memory as if it were on the disk, and
 * a later sync does not write it, as on Linux (https://lwn.net/Articles/752063/). Of changes of names that were not synced
 * any may be kept and any lost, a later one without an earlier one too; a rename is kept or lost as one.
 */
export class SimulatedDisk implements Disk {
  /** From then on each operation fails, and does nothing, until `restart`. */
  hasCrashed = false;
  readonly #nextFate: () => Fate;
  readonly #random: () => number;
  /** By path. */
  #names = new Map<string, Inode>();
  #namesOnDisk = new Map<string, Inode>();
  #unsyncedNames: NameChange[] = [];

  /** @param random At least 0, below 1. */
  constructor(nextFate: () => Fate, random: () => number) {
    this.#nextFate = nextFate;
    this.#random = random;
  }

  /** What the next process finds. The one before must be done with: nothing else tells them apart. */
  restart(crash: Crash): void {
    this.hasCrashed = false;
    if (crash === 'kill') return;
    for (const change of this.#unsyncedNames.splice(0)) {
      if (this.#random() < 0.5) rename(this.#namesOnDisk, change);
    }
    this.#names = new Map(this.#namesOnDisk);
    for (const inode of this.#names.values()) {
      this.#applySome(inode);
      inode.inMemory = inode.onDisk;
    }
  }

  async makeDirectory(): Promise<void> {
    await this.#operate();
  }

  async list(directory: string): Promise<string[]> {
    await this.#operate();
    return [...this.#names.keys()].flatMap((path) => (dirname(path) === directory ? [basename(path)] : []));
  }

  async create(path: string): Promise<DiskFile> {
    await this.#operate();
    if (this.#names.has(path)) throw ioError('EEXIST');
    const inode: Inode = { inMemory: Buffer.alloc(0), onDisk: Buffer.alloc(0), unsynced: [] };
    this.#rename({ kind: 'set', path, inode });
    return this.#file(inode);
  }

  async open(path: string): Promise<DiskFile> {
    await this.#operate();
    return this.#file(this.#inode(path));
  }

  async remove(path: string): Promise<void> {
    await this.#operate();
    this.#inode(path);
    this.#rename({ kind: 'remove', path });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operate();
    this.#rename({ kind: 'rename', from, to, inode: this.#inode(from) });
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#operate();
    const isIn = (change: NameChange): boolean =>
      dirname(change.kind === 'rename' ? change.to : change.path) === directory;
    for (const change of this.#unsyncedNames.filter(isIn)) rename(this.#namesOnDisk, change);
    this.#unsyncedNames = this.#unsyncedNames.filter((change) => !isIn(change));
  }

  /** The bytes of each file as reads see them, by its name without the folder, to look at and to damage. */
  get files(): ReadonlyMap<string, { inMemory: Buffer }> {
    return new Map([...this.#names].map(([path, inode]) => [basename(path), inode]));
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw ioError('ENOENT');
    return inode;
  }

  #rename(change: NameChange): void {
    rename(this.#names, change);
    this.#unsyncedNames.push(change);
  }

  #file(inode: Inode): DiskFile {
    const change = (made: Change): void => {
      inode.inMemory = changed(inode.inMemory, made);
      inode.unsynced.push(made);
    };
    return {
      sizeBytes: async () => {
        await this.#operate();
        return inode.inMemory.length;
      },
      read: async (into, offset) => {
        await this.#operate();
        return inode.inMemory.copy(into, 0, offset);
      },
      write: async (parts, offset) => {
        const write: Write = { kind: 'write', offset, bytes: Buffer.concat(parts) };
        const writePart = (): void => this.#torn(write, inode.inMemory.length).forEach(change);
        await this.#operate(writePart);
        // Readers may come in between.
        writePart();
        await this.#turn();
        change(write);
      },
      truncate: async (lengthBytes) => {
        await this.#operate();
        change({ kind: 'truncate', lengthBytes });
      },
      sync: async () => {
        await this.#operate(() => this.#applySome(inode));
        for (const made of inode.unsynced.splice(0)) inode.onDisk = changed(inode.onDisk, made);
      },
      close: async () => {
        await this.#operate();
      },
    };
  }

  /** Decides whether the operation works; if not, does what is done of it all the same, and rejects. */
  async #operate(doPart = (): void => {}): Promise<void> {
    await this.#turn();
    const fate = this.#nextFate();
    if (fate.kind === 'works') return;
    doPart();
    if (fate.kind === 'fails') throw ioError(fate.code);
    this.hasCrashed = true;
    throw ioError('EBADF');
  }

  /** Others have their turn while a disk works. */
  async #turn(): Promise<void> {
    await Promise.resolve();
    if (this.hasCrashed) throw ioError('EBADF');
  }

  /** Brings any of the unsynced changes to the disk, whole or torn, and forgets the others. */
  #applySome(inode: Inode): void {
    for (const made of inode.unsynced.splice(0)) {
      const lot = this.#random();
      if (lot < 0.25) continue;
      const isTorn = made.kind === 'write' && lot < 0.75;
      const done = isTorn ? this.#torn(made, inode.onDisk.length) : [made];
      for (const change of done) inode.onDisk = changed(inode.onDisk, change);
    }
  }

  /** A beginning of the write; perhaps all of the length that it adds, in zeros. */
  #torn({ offset, bytes }: Write, fileBytes: number): Change[] {
    const beginning = bytes.subarray(0, Math.floor(this.#random() * (bytes.length + 1)));
    const lengthBytes = Math.max(fileBytes, offset + bytes.length);
    const part: Change = { kind: 'write', offset, bytes: beginning };
    return this.#random() < 0.5 ? [part] : [part, { kind: 'truncate', lengthBytes }];
  }
}

function rename(names: Map<string, Inode>, change: NameChange): void {
  if (change.kind === 'set') names.set(change.path, change.inode);
  if (change.kind === 'remove') names.delete(change.path);
  if (change.kind === 'rename') {
    names.delete(change.from);
    names.set(change.to, change.inode);
  }
}

function changed(bytes: Buffer, change: Change): Buffer {
  if (change.kind === 'truncate') return Buffer.concat([bytes], change.lengthBytes);
  const lengthBytes = Math.max(bytes.length, change.offset + change.bytes.length);
  const after = Buffer.concat([bytes], lengthBytes);
  change.bytes.copy(after, change.offset);
  return after;
}

function ioError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`simulated ${code}`), { code });
}
