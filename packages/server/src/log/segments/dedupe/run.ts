import type { DiskFile } from '../disk.ts';
import type { Coverage } from './coverage.ts';
import { HASH_WORDS, compareHashes, type HashWords } from './hash-words.ts';
import { PAGE_BYTES, blockOffset, bytesOf, checkBlock } from './run-format.ts';

const PAGE_WORDS = PAGE_BYTES / 4;

/** A part of a run is not what was written there (`damaged`), or the disk does not read it (`io`). */
export class RunReadError extends Error {
  override readonly name = 'RunReadError';
  readonly code: 'damaged' | 'io';

  constructor(code: RunReadError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export interface RunParts {
  name: string;
  file: DiskFile;
  coverage: Coverage;
  hashCount: number;
  /** The first word of each block. */
  index: Uint32Array;
  filter: Uint32Array;
}

/** A run that is whole in its file, with its filter and its index in memory. */
export class Run {
  readonly name: string;
  readonly coverage: Coverage;
  readonly hashCount: number;
  readonly filter: Uint32Array;
  /** Something in it could not be read: it is to be looked through. */
  isDamaged = false;
  readonly #file: DiskFile;
  readonly #index: Uint32Array;
  #readCount = 0;
  #whenRead: (() => void) | undefined;

  constructor(parts: RunParts) {
    this.name = parts.name;
    this.coverage = parts.coverage;
    this.hashCount = parts.hashCount;
    this.filter = parts.filter;
    this.#file = parts.file;
    this.#index = parts.index;
  }

  get memoryBytes(): number {
    return this.filter.byteLength + this.#index.byteLength;
  }

  /** @throws {RunReadError} It cannot be told. */
  async has(hash: HashWords): Promise<boolean> {
    const first = hash[0]!;
    // Hashes with the same first word may be in more than one block.
    const to = firstIndexAbove(this.#index, first);
    let from = to;
    while (from > 0 && this.#index[from - 1] === first) from--;
    from = Math.max(0, from - 1);
    if (to === 0) return false;
    const pages = await this.#readBlocks(from, to);
    for (let block = 0; block < to - from; block++) {
      const page = pages.subarray(block * PAGE_WORDS, (block + 1) * PAGE_WORDS);
      if (blockHas(page, this.#count(page, from + block), hash)) return true;
    }
    return false;
  }

  /**
   * All hashes, in order, in pieces that last until the next one is taken.
   * @param onUnreadable Given, it is told of each block that cannot be read, and the others follow.
   * @throws {RunReadError} Without it, of the first such block.
   */
  async *sorted(onUnreadable?: (error: unknown) => void): AsyncGenerator<Uint32Array> {
    const blockCount = this.#index.length;
    for (let from = 0; from < blockCount; from += SCAN_BLOCKS) {
      const to = Math.min(blockCount, from + SCAN_BLOCKS);
      const pages = await this.#readBlocks(from, to).catch((error: unknown) => {
        if (!onUnreadable) throw error;
        return undefined;
      });
      for (let block = from; block < to; block++) {
        try {
          const page =
            pages?.subarray((block - from) * PAGE_WORDS) ?? (await this.#readBlocks(block, block + 1));
          const count = this.#count(page.subarray(0, PAGE_WORDS), block);
          yield page.subarray(0, count * HASH_WORDS);
        } catch (error) {
          if (!onUnreadable) throw error;
          onUnreadable(error);
        }
      }
    }
  }

  /** Closes the file once all that is being read of it has been. */
  async close(): Promise<void> {
    if (this.#readCount > 0) await new Promise<void>((resolve) => (this.#whenRead = resolve));
    // It was only read, or synced before.
    await this.#file.close().catch(() => {});
  }

  async #readBlocks(from: number, to: number): Promise<Uint32Array> {
    const pages = new Uint32Array((to - from) * PAGE_WORDS);
    this.#readCount++;
    try {
      const readBytes = await this.#file.read(bytesOf(pages), blockOffset(from));
      // What is missing are zeros, and no block.
      bytesOf(pages).fill(0, readBytes);
      return pages;
    } catch (cause) {
      throw new RunReadError('io', `run ${this.name} cannot be read at block ${from}`, { cause });
    } finally {
      if (--this.#readCount === 0) this.#whenRead?.();
    }
  }

  #count(page: Uint32Array, block: number): number {
    const count = checkBlock(page, block);
    if (count === undefined)
      throw new RunReadError('damaged', `run ${this.name} is damaged at block ${block}`);
    return count;
  }
}

const SCAN_BLOCKS = 64;

function blockHas(page: Uint32Array, count: number, hash: HashWords): boolean {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compareHashes(page, middle * HASH_WORDS, hash, 0);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return false;
}

function firstIndexAbove(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
