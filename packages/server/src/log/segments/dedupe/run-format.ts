import { crc32 } from 'node:zlib';
import type { Coverage } from './coverage.ts';
import { FILTER_BLOCK_BYTES } from './blocked-filter.ts';
import { HASH_WORDS } from './hash-words.ts';

/*
 * A run is a file with the hashes of one or more sealed segments, in order and each once.
 *
 *   page 0: the header          pages 1 … n: blocks of 255 hashes, the last one of fewer
 *   for each block the first word of its first hash (u32)          the filter
 *
 * Pages have 4,096 bytes. A block ends with u32 count, u32 number of the block, u32 zero, u32 CRC-32 of all
 * that precedes. Words are in the byte order of the machine, which the header tells.
 */
export const PAGE_BYTES = 4096;
const PAGE_WORDS = PAGE_BYTES / 4;
export const BLOCK_HASHES = 255;
const COUNT_AT = BLOCK_HASHES * HASH_WORDS;
const NUMBER_AT = COUNT_AT + 1;
const CRC_AT = PAGE_WORDS - 1;

const MAGIC = 'MILLHASH';
const RUN_VERSION = 1;
const HEADER_BYTES = 100;
const HEADER_CRC_AT = HEADER_BYTES - 4;
/** Reads as another number where the byte order is another. */
const ORDER_MARK = new Uint8Array(new Uint32Array([0x01020304]).buffer);

export interface RunHeader {
  coverage: Coverage;
  hashCount: number;
  filterBlockCount: number;
  indexCrc: number;
  filterCrc: number;
}

export function encodeRunHeader({ coverage, ...header }: RunHeader): Buffer {
  const bytes = Buffer.alloc(PAGE_BYTES);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(RUN_VERSION, 8);
  bytes.set(ORDER_MARK, 12);
  bytes.writeUInt32LE(coverage.firstSequence, 16);
  bytes.writeUInt32LE(coverage.lastSequence, 20);
  bytes.writeBigUInt64LE(BigInt(coverage.from), 24);
  bytes.writeBigUInt64LE(BigInt(coverage.to), 32);
  bytes.writeDoubleLE(coverage.createdAtMs, 40);
  bytes.writeDoubleLE(coverage.lastCreatedAtMs, 48);
  bytes.writeDoubleLE(coverage.sealedAtMs, 56);
  bytes.writeBigUInt64LE(BigInt(header.hashCount), 64);
  bytes.writeBigUInt64LE(BigInt(header.filterBlockCount), 72);
  bytes.writeUInt32LE(header.indexCrc, 80);
  bytes.writeUInt32LE(header.filterCrc, 84);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return bytes;
}

/** Undefined: it is damaged, or of another version or machine. */
export function decodeRunHeader(bytes: Buffer): RunHeader | undefined {
  if (bytes.length < PAGE_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC) return undefined;
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) return undefined;
  if (bytes.readUInt32LE(8) !== RUN_VERSION || !bytes.subarray(12, 16).equals(ORDER_MARK)) return undefined;
  return {
    coverage: {
      firstSequence: bytes.readUInt32LE(16),
      lastSequence: bytes.readUInt32LE(20),
      from: Number(bytes.readBigUInt64LE(24)),
      to: Number(bytes.readBigUInt64LE(32)),
      createdAtMs: bytes.readDoubleLE(40),
      lastCreatedAtMs: bytes.readDoubleLE(48),
      sealedAtMs: bytes.readDoubleLE(56),
    },
    hashCount: Number(bytes.readBigUInt64LE(64)),
    filterBlockCount: Number(bytes.readBigUInt64LE(72)),
    indexCrc: bytes.readUInt32LE(80),
    filterCrc: bytes.readUInt32LE(84),
  };
}

export interface RunLayout {
  blockCount: number;
  indexAt: number;
  filterAt: number;
  fileBytes: number;
}

export function layoutOf({ hashCount, filterBlockCount }: RunHeader): RunLayout {
  const blockCount = Math.ceil(hashCount / BLOCK_HASHES);
  const indexAt = blockOffset(blockCount);
  const filterAt = indexAt + blockCount * 4;
  return { blockCount, indexAt, filterAt, fileBytes: filterAt + filterBlockCount * FILTER_BLOCK_BYTES };
}

export function blockOffset(number: number): number {
  return PAGE_BYTES * (1 + number);
}

/** Completes a block whose hashes are there. */
export function finishBlock(page: Uint32Array, count: number, number: number): void {
  page.fill(0, count * HASH_WORDS);
  page[COUNT_AT] = count;
  page[NUMBER_AT] = number;
  page[CRC_AT] = pageCrc(page);
}

/** How many hashes are in the block; undefined where it is not what was written there. */
export function checkBlock(page: Uint32Array, number: number): number | undefined {
  const count = page[COUNT_AT]!;
  const isSound = page[CRC_AT] === pageCrc(page) && page[NUMBER_AT] === number;
  return isSound && count > 0 && count <= BLOCK_HASHES ? count : undefined;
}

function pageCrc(page: Uint32Array): number {
  return crc32(bytesOf(page).subarray(0, CRC_AT * 4));
}

export function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}
