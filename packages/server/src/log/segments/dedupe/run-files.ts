import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '../disk.ts';
import { FILTER_BLOCK_BYTES } from './blocked-filter.ts';
import type { Coverage } from './coverage.ts';
import { Run, RunReadError } from './run.ts';
import { PAGE_BYTES, bytesOf, decodeRunHeader, layoutOf, type RunHeader } from './run-format.ts';

export function runName({ firstSequence, lastSequence }: Coverage): string {
  return `${digits(firstSequence)}-${digits(lastSequence)}.run`;
}

function digits(sequence: number): string {
  return String(sequence).padStart(10, '0');
}

/** Of the first segment whose hashes are in the run. */
export function firstSequenceOf(name: string): number {
  return Number.parseInt(name, 10);
}

export interface RunFiles {
  /** By name; each is a run as far as it says so. */
  runs: string[];
  /** Begun and never finished. */
  unfinished: string[];
}

export async function listRuns(disk: Disk, dir: string): Promise<RunFiles> {
  const names = await disk.list(dir);
  return {
    runs: names.filter((name) => /^\d{10,}-\d{10,}\.run$/.test(name)).toSorted(),
    unfinished: names.filter((name) => name.endsWith('.run.tmp')),
  };
}

/**
 * Reads all of a run but its blocks: those are checked when they are needed.
 * @throws {RunReadError} It cannot be read, or is not as it was written.
 */
export async function openRun(disk: Disk, dir: string, name: string): Promise<Run> {
  let file: DiskFile | undefined;
  try {
    file = await disk.open(join(dir, name), 'read');
    const header = await readHeader(file);
    if (!header || runName(header.coverage) !== name) throw damaged(name, 'its header');
    const { blockCount, indexAt, filterAt, fileBytes } = layoutOf(header);
    if ((await file.sizeBytes()) !== fileBytes) throw damaged(name, 'its length');
    const index = await readWords(file, indexAt, blockCount);
    if (crc32(bytesOf(index)) !== header.indexCrc) throw damaged(name, 'its index');
    const filterWords = (header.filterBlockCount * FILTER_BLOCK_BYTES) / 4;
    const filter = await readWords(file, filterAt, filterWords);
    if (crc32(bytesOf(filter)) !== header.filterCrc) throw damaged(name, 'its filter');
    const { coverage, hashCount } = header;
    return new Run({ name, file, coverage, hashCount, index, filter });
  } catch (cause) {
    await file?.close().catch(() => {});
    if (cause instanceof RunReadError) throw cause;
    throw new RunReadError('io', `run ${name} cannot be read`, { cause });
  }
}

async function readHeader(file: DiskFile): Promise<RunHeader | undefined> {
  const page = Buffer.alloc(PAGE_BYTES);
  const readBytes = await file.read(page, 0);
  return decodeRunHeader(page.subarray(0, readBytes));
}

async function readWords(file: DiskFile, offset: number, wordCount: number): Promise<Uint32Array> {
  const words = new Uint32Array(wordCount);
  await file.read(bytesOf(words), offset);
  return words;
}

function damaged(name: string, what: string): RunReadError {
  return new RunReadError('damaged', `run ${name} is damaged: ${what}`);
}

/** Best effort: what is left of it is found superseded or too old at the next start. */
export async function removeRun(
  disk: Disk,
  dir: string,
  run: Run,
  parts: readonly { kind: string; run?: Run }[],
): Promise<void> {
  await run.close();
  // Another of the same name has taken its place in the folder.
  if (parts.some((part) => part.run?.name === run.name)) return;
  await disk.remove(join(dir, run.name)).catch(() => {});
}
