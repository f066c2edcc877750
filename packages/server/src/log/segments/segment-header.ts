import { crc32 } from 'node:zlib';
import type { Position } from '../log.ts';

/*
 * The first bytes of a segment file. Integers are little-endian.
 *
 *   8 bytes magic    u32 format version    u32 sequence of the previous segment, 0 for none
 *   u64 base position    u64 creation time in ms    u64 synced length of the previous segment
 *   u32 CRC-32 of all that precedes
 */
export const SEGMENT_HEADER_BYTES = 44;
export const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('MILLRACE', 'latin1');
const VERSION_AT = MAGIC.length;
const CRC_AT = SEGMENT_HEADER_BYTES - 4;

export interface SegmentHeader {
  /** The position of the segment's first event. */
  basePosition: Position;
  createdAtMs: number;
  /**
   * Where the events before this segment are. A segment between the two is void: its making
   * failed. Absent in the first one.
   */
  previous?: SegmentEnd;
}

/** The end of a segment that is written no more. What its file may hold behind it is void. */
export interface SegmentEnd {
  sequence: number;
  syncedBytes: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(FORMAT_VERSION, VERSION_AT);
  bytes.writeUInt32LE(header.previous?.sequence ?? 0, 12);
  bytes.writeBigUInt64LE(BigInt(header.basePosition), 16);
  bytes.writeBigUInt64LE(BigInt(header.createdAtMs), 24);
  bytes.writeBigUInt64LE(BigInt(header.previous?.syncedBytes ?? 0), 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  return bytes;
}

export type DecodedHeader =
  | { kind: 'header'; header: SegmentHeader }
  /** Written by a version of Millrace that this one does not know. */
  | { kind: 'unknown-version'; version: number }
  | { kind: 'bad' };

export function decodeSegmentHeader(bytes: Buffer): DecodedHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    return { kind: 'bad' };
  }
  const version = bytes.readUInt32LE(VERSION_AT);
  // 0 is no version: the file system has not kept these bytes.
  if (version !== FORMAT_VERSION && version !== 0) return { kind: 'unknown-version', version };
  if (crc32(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) return { kind: 'bad' };
  const sequence = bytes.readUInt32LE(12);
  return {
    kind: 'header',
    header: {
      basePosition: Number(bytes.readBigUInt64LE(16)),
      createdAtMs: Number(bytes.readBigUInt64LE(24)),
      ...(sequence > 0 && { previous: { sequence, syncedBytes: Number(bytes.readBigUInt64LE(32)) } }),
    },
  };
}
