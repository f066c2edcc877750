import { LogReadError } from '../../log.ts';
import type { Disk, DiskFile } from '../disk.ts';
import { entryEnd, entryHashAt, type Frame } from '../frame.ts';
import { FrameScanner } from '../frame-scanner.ts';
import { findFrame } from '../frame-search.ts';
import type { SealedSegment } from '../segment-chain.ts';
import { segmentName, segmentPath } from '../segment-files.ts';
import { SEGMENT_HEADER_BYTES } from '../segment-header.ts';
import { HashTable } from './hash-table.ts';
import { readHashBytes, type HashWords } from './hash-words.ts';

export interface SegmentHashes {
  table: HashTable;
  /** Where frames are damaged. The events in them are lost, so what they were is no longer known. */
  damage: { offsetBytes: number; reason: string }[];
}

/**
 * The hashes of a sealed segment, from its events.
 * @throws {LogReadError} The disk cannot read it.
 */
export async function hashesOfSegment(
  disk: Disk,
  logDir: string,
  segment: SealedSegment,
): Promise<SegmentHashes> {
  let file: DiskFile | undefined;
  try {
    file = await disk.open(segmentPath(logDir, segment.sequence), 'read');
    return await scan(file, segment);
  } catch (cause) {
    throw new LogReadError('io', `segment ${segmentName(segment.sequence)} cannot be read`, { cause });
  } finally {
    await file?.close().catch(() => {});
  }
}

async function scan(
  file: DiskFile,
  { basePosition, endPosition, endBytes }: SealedSegment,
): Promise<SegmentHashes> {
  const found: SegmentHashes = { table: new HashTable(), damage: [] };
  let scanner = new FrameScanner(file, { position: basePosition, offset: SEGMENT_HEADER_BYTES });
  for (;;) {
    const { offset, position } = scanner;
    const scanned = await scanner.next(endBytes, endPosition);
    if (scanned.kind === 'end') return found;
    if (scanned.kind === 'frame') {
      addHashes(found.table, scanned.frame);
      continue;
    }
    found.damage.push({ offsetBytes: offset, reason: scanned.reason });
    const next = await findFrame(file, offset + 1, endBytes, position);
    if (!next) return found;
    scanner = new FrameScanner(file, next);
  }
}

const scratch: HashWords = new Uint32Array(4);

/** Of all events in the frame. */
export function addHashes(table: HashTable, { entries }: Frame): void {
  for (let at = 0; at < entries.length; at = entryEnd(entries, at)) {
    readHashBytes(entries, entryHashAt(at), scratch);
    table.add(scratch);
  }
}
