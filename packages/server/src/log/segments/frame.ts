import { crc32 } from 'node:zlib';
import type { NewEvent, Position } from '../log.ts';

/*
 * A frame is one group commit. Integers are little-endian.
 *
 *   u32 length of the entries in bytes     u32 CRC-32 of all that follows
 *   u64 position of the first event        u32 event count       the entries
 *
 * An entry is one event:
 *
 *   u32 length of the JSON    u16 length of the source id    u16 flags    u48 receivedAt in ms
 *   16 bytes of event hash    the source id    the JSON
 */
export const FRAME_HEADER_BYTES = 20;
const ENTRY_HEADER_BYTES = 30;
const HASH_AT = 14;
const CRC_FROM = 8;

/** A longer frame is not written, and one that claims to be longer is damaged. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;

export interface HashedEvent {
  event: NewEvent;
  hash: string;
}

/** @throws {RangeError} A source id above 65,535 bytes. */
export function encodeEntries(entries: readonly HashedEvent[]): Buffer {
  let totalBytes = 0;
  for (const { event } of entries) {
    totalBytes += ENTRY_HEADER_BYTES + Buffer.byteLength(event.sourceId) + event.json.length;
  }
  const bytes = Buffer.allocUnsafe(totalBytes);
  let at = 0;
  for (const { event, hash } of entries) {
    const sourceIdBytes = bytes.write(event.sourceId, at + ENTRY_HEADER_BYTES);
    bytes.writeUInt32LE(event.json.length, at);
    bytes.writeUInt16LE(sourceIdBytes, at + 4);
    bytes.writeUInt16LE(event.flags, at + 6);
    bytes.writeUIntLE(event.receivedAtMs, at + 8, 6);
    bytes.write(hash, at + HASH_AT, 'latin1');
    at += ENTRY_HEADER_BYTES + sourceIdBytes;
    bytes.set(event.json, at);
    at += event.json.length;
  }
  return bytes;
}

/** The frame as parts to be written one after the other: a header, then the entries as given. */
export function encodeFrame(
  basePosition: Position,
  eventCount: number,
  entries: readonly Buffer[],
): Buffer[] {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUInt32LE(totalLength(entries), 0);
  header.writeBigUInt64LE(BigInt(basePosition), 8);
  header.writeUInt32LE(eventCount, 16);
  let crc = crc32(header.subarray(CRC_FROM));
  for (const part of entries) crc = crc32(part, crc);
  header.writeUInt32LE(crc, 4);
  return [header, ...entries];
}

export interface Frame {
  basePosition: Position;
  eventCount: number;
  /** A view of the bytes that were decoded. */
  entries: Buffer;
  frameBytes: number;
}

export type DecodedFrame =
  | { kind: 'frame'; frame: Frame }
  /** More bytes are needed to tell. */
  | { kind: 'incomplete'; neededBytes: number }
  | { kind: 'bad'; reason: string };

export function decodeFrame(bytes: Buffer, expectedPosition: Position): DecodedFrame {
  if (bytes.length < FRAME_HEADER_BYTES) return { kind: 'incomplete', neededBytes: FRAME_HEADER_BYTES };
  const frameBytes = FRAME_HEADER_BYTES + bytes.readUInt32LE(0);
  if (frameBytes > MAX_FRAME_BYTES) return { kind: 'bad', reason: `a frame of ${frameBytes} bytes` };
  if (bytes.length < frameBytes) return { kind: 'incomplete', neededBytes: frameBytes };
  if (crc32(bytes.subarray(CRC_FROM, frameBytes)) !== bytes.readUInt32LE(4)) {
    return { kind: 'bad', reason: 'the CRC does not match' };
  }
  const basePosition = Number(bytes.readBigUInt64LE(8));
  if (basePosition !== expectedPosition) {
    return { kind: 'bad', reason: `position ${basePosition} where ${expectedPosition} belongs` };
  }
  const eventCount = bytes.readUInt32LE(16);
  if (eventCount === 0) return { kind: 'bad', reason: 'a frame without events' };
  const entries = bytes.subarray(FRAME_HEADER_BYTES, frameBytes);
  return { kind: 'frame', frame: { basePosition, eventCount, entries, frameBytes } };
}

export interface Entry {
  sourceId: string;
  receivedAtMs: number;
  flags: number;
  /** A view of the frame. */
  json: Buffer;
}

/** The entry that starts at `at`, in the entries of a frame whose CRC was right. */
export function decodeEntry(entries: Buffer, at: number): Entry {
  const sourceIdAt = at + ENTRY_HEADER_BYTES;
  const jsonAt = sourceIdAt + entries.readUInt16LE(at + 4);
  return {
    sourceId: entries.toString('utf8', sourceIdAt, jsonAt),
    receivedAtMs: entries.readUIntLE(at + 8, 6),
    flags: entries.readUInt16LE(at + 6),
    json: entries.subarray(jsonAt, jsonAt + entries.readUInt32LE(at)),
  };
}

export function entryJsonBytes(entries: Buffer, at: number): number {
  return entries.readUInt32LE(at);
}

/** Where the next entry starts. */
export function entryEnd(entries: Buffer, at: number): number {
  return at + ENTRY_HEADER_BYTES + entries.readUInt16LE(at + 4) + entries.readUInt32LE(at);
}

/** Where the hash of the entry is that starts at `at`. */
export function entryHashAt(at: number): number {
  return at + HASH_AT;
}

export function totalLength(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}
