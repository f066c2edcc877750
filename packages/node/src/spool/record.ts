import { crc32 } from './crc32.ts';

/*
 * A spool file is a header and then one record an event. Integers are little-endian.
 *
 *   header   "MRSPOOL" and the version, 1     u32 settled: records before this index need not be
 *            sent any more     u32 its complement, so that damage to it is seen
 *   record   FE FF 52 01     u32 CRC-32 of all that follows     u32 length of the JSON
 *            u32 index, counted from 0 in the file     the JSON in UTF-8
 *
 * FE and FF occur in no UTF-8 text, so whatever the JSON holds, after damage the next record is
 * found by its first bytes. The index tells how many records were lost in between.
 */
export const FILE_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 16;
/** Where the header has the number of settled records and its complement, written in one piece. */
export const SETTLED_AT = 8;
export const SETTLED_BYTES = 8;

const MAGIC = Buffer.from('MRSPOOL\x01', 'latin1');
const MARKER = Buffer.from([0xfe, 0xff, 0x52, 0x01]);
const CRC_AT = 4;
const CRC_FROM = 8;
const LENGTH_AT = 8;
const INDEX_AT = 12;

export interface RecordedEvent {
  json: string;
  /** Of the JSON in UTF-8. */
  bytes: number;
}

export function encodeFileHeader(): Buffer {
  return Buffer.concat([MAGIC, encodeSettled(0)]);
}

export function encodeSettled(count: number): Buffer {
  const bytes = Buffer.alloc(SETTLED_BYTES);
  bytes.writeUInt32LE(count, 0);
  bytes.writeUInt32LE(~count >>> 0, 4);
  return bytes;
}

/** How many records are settled; none when that cannot be told, since twice is better than never. */
export function decodeSettled(file: Buffer): number {
  if (file.length < FILE_HEADER_BYTES) return 0;
  const count = file.readUInt32LE(SETTLED_AT);
  return file.readUInt32LE(SETTLED_AT + 4) === ~count >>> 0 ? count : 0;
}

export function recordBytes(event: RecordedEvent): number {
  return RECORD_HEADER_BYTES + event.bytes;
}

/** Records for `events`, the first with the given index. */
export function encodeRecords(events: readonly RecordedEvent[], firstIndex: number): Buffer {
  const records = Buffer.allocUnsafe(events.reduce((bytes, event) => bytes + recordBytes(event), 0));
  let at = 0;
  let index = firstIndex;
  for (const event of events) {
    const end = at + recordBytes(event);
    records.set(MARKER, at);
    records.writeUInt32LE(event.bytes, at + LENGTH_AT);
    records.writeUInt32LE(index, at + INDEX_AT);
    records.write(event.json, at + RECORD_HEADER_BYTES);
    records.writeUInt32LE(crc32(records.subarray(at + CRC_FROM, end)), at + CRC_AT);
    at = end;
    index += 1;
  }
  return records;
}

/** Where a sound record has its JSON. */
export interface FoundRecord {
  index: number;
  jsonStart: number;
  end: number;
}

/**
 * The sound records of a file, in order; damaged bytes are passed over.
 * @returns where the last sound record ends.
 */
export function scanRecords(file: Buffer, visit: (record: FoundRecord) => void): number {
  let end = Math.min(FILE_HEADER_BYTES, file.length);
  let nextIndex = 0;
  let at = end;
  for (;;) {
    const found = recordAt(file, at);
    if (found) {
      // One that was there before is a leftover of a write that failed and was made again.
      if (found.index >= nextIndex) visit(found);
      nextIndex = Math.max(nextIndex, found.index + 1);
      at = found.end;
      end = found.end;
    } else {
      at = file.indexOf(MARKER, at + 1);
      if (at === -1) return end;
    }
  }
}

function recordAt(file: Buffer, at: number): FoundRecord | undefined {
  const jsonStart = at + RECORD_HEADER_BYTES;
  if (jsonStart > file.length || file.compare(MARKER, 0, MARKER.length, at, at + MARKER.length) !== 0) {
    return undefined;
  }
  const end = jsonStart + file.readUInt32LE(at + LENGTH_AT);
  if (end > file.length) return undefined;
  if (crc32(file.subarray(at + CRC_FROM, end)) !== file.readUInt32LE(at + CRC_AT)) return undefined;
  return { index: file.readUInt32LE(at + INDEX_AT), jsonStart, end };
}
