import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../disk.ts';
import { addToFilter, FILTER_BLOCK_BYTES, filterBlockCount } from './blocked-filter.ts';
import type { Coverage } from './coverage.ts';
import { HASH_WORDS } from './hash-words.ts';
import type { SortedHashes } from './merged-hashes.ts';
import { Run } from './run.ts';
import {
  BLOCK_HASHES,
  PAGE_BYTES,
  blockOffset,
  bytesOf,
  encodeRunHeader,
  finishBlock,
} from './run-format.ts';
import { runName } from './run-files.ts';

const PAGE_WORDS = PAGE_BYTES / 4;
/** What is worked on without a pause: half a millisecond. */
const CHUNK_BLOCKS = 64;
/** So that the sync of a commit never waits for much more than this of a run. */
const SYNC_EACH_BYTES = 8 * 1024 * 1024;

export interface NewRun {
  coverage: Coverage;
  /** Not less than there are. */
  maxHashCount: number;
  hashes: SortedHashes;
}

/**
 * Writes a run that is there as a whole or not at all, in slices with time for others between them.
 * @throws What the disk or the signal says. Then there may be a file of another name left, for the next start.
 */
export async function writeRun(disk: Disk, dir: string, run: NewRun, signal: AbortSignal): Promise<Run> {
  const name = runName(run.coverage);
  const temporary = join(dir, `${name}.tmp`);
  await disk.remove(temporary).catch(() => {});
  const file = await disk.create(temporary);
  try {
    const written = await new RunWriter(file, run, signal).write();
    await disk.rename(temporary, join(dir, name));
    await disk.syncDirectory(dir);
    return new Run({ name, file, coverage: run.coverage, ...written });
  } catch (error) {
    await file.close().catch(() => {});
    await disk.remove(temporary).catch(() => {});
    throw error;
  }
}

class RunWriter {
  readonly #file: DiskFile;
  readonly #run: NewRun;
  readonly #signal: AbortSignal;
  readonly #chunk = new Uint32Array(CHUNK_BLOCKS * PAGE_WORDS);
  readonly #index: Uint32Array;
  readonly #filter: Uint32Array;
  #hashCount = 0;
  /** In the chunk. */
  #blockInChunk = 0;
  #hashInBlock = 0;
  #flushedBlocks = 0;
  #unsyncedBytes = 0;

  constructor(file: DiskFile, run: NewRun, signal: AbortSignal) {
    this.#file = file;
    this.#run = run;
    this.#signal = signal;
    this.#index = new Uint32Array(Math.ceil(run.maxHashCount / BLOCK_HASHES));
    this.#filter = new Uint32Array((filterBlockCount(run.maxHashCount) * FILTER_BLOCK_BYTES) / 4);
  }

  async write(): Promise<{ hashCount: number; index: Uint32Array; filter: Uint32Array }> {
    for await (const piece of this.#run.hashes) {
      for (let at = 0; at < piece.length; at += HASH_WORDS) {
        if (this.#blockInChunk === CHUNK_BLOCKS) await this.#flush();
        this.#add(piece, at);
      }
    }
    if (this.#hashInBlock > 0) this.#finishBlock();
    await this.#flush();
    const index = this.#index.subarray(0, this.#flushedBlocks);
    const indexAt = blockOffset(this.#flushedBlocks);
    const indexCrc = await this.#writeWords(index, indexAt);
    const filterCrc = await this.#writeWords(this.#filter, indexAt + index.byteLength);
    const header = encodeRunHeader({
      coverage: this.#run.coverage,
      hashCount: this.#hashCount,
      filterBlockCount: this.#filter.byteLength / FILTER_BLOCK_BYTES,
      indexCrc,
      filterCrc,
    });
    await this.#file.write([header], 0);
    await this.#file.sync();
    return { hashCount: this.#hashCount, index, filter: this.#filter };
  }

  #add(hashes: Uint32Array, at: number): void {
    const into = this.#blockInChunk * PAGE_WORDS + this.#hashInBlock * HASH_WORDS;
    for (let word = 0; word < HASH_WORDS; word++) this.#chunk[into + word] = hashes[at + word]!;
    if (this.#hashInBlock === 0) this.#index[this.#flushedBlocks + this.#blockInChunk] = hashes[at]!;
    addToFilter(this.#filter, hashes, at);
    this.#hashCount++;
    if (++this.#hashInBlock === BLOCK_HASHES) this.#finishBlock();
  }

  #finishBlock(): void {
    const at = this.#blockInChunk * PAGE_WORDS;
    const page = this.#chunk.subarray(at, at + PAGE_WORDS);
    finishBlock(page, this.#hashInBlock, this.#flushedBlocks + this.#blockInChunk);
    this.#blockInChunk++;
    this.#hashInBlock = 0;
  }

  async #flush(): Promise<void> {
    const blocks = this.#chunk.subarray(0, this.#blockInChunk * PAGE_WORDS);
    await this.#write(bytesOf(blocks), blockOffset(this.#flushedBlocks));
    this.#flushedBlocks += this.#blockInChunk;
    this.#blockInChunk = 0;
  }

  async #writeWords(words: Uint32Array, offset: number): Promise<number> {
    const bytes = bytesOf(words);
    const stepBytes = CHUNK_BLOCKS * PAGE_BYTES;
    let crc = 0;
    for (let at = 0; at < bytes.length; at += stepBytes) {
      const part = bytes.subarray(at, at + stepBytes);
      crc = crc32(part, crc);
      await this.#write(part, offset + at);
    }
    return crc;
  }

  async #write(bytes: Buffer, offset: number): Promise<void> {
    this.#signal.throwIfAborted();
    if (bytes.length === 0) return;
    await this.#file.write([bytes], offset);
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes < SYNC_EACH_BYTES) return;
    await this.#file.sync();
    this.#unsyncedBytes = 0;
  }
}
