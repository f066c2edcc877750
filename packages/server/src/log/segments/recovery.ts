import { LogReadError, type Position } from '../log.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FrameScanner } from './frame-scanner.ts';
import { entryEnd, entryHash, type Frame } from './frame.ts';
import { listSegments, readSegmentFile, segmentName, segmentPath } from './segment-files.ts';
import { SEGMENT_HEADER_BYTES, type SegmentEnd } from './segment-header.ts';

export interface RecoveredLog {
  endPosition: Position;
  nextSequence: number;
  /** The last segment, open for writing and synced. Absent in a new log. */
  active?: {
    sequence: number;
    basePosition: Position;
    createdAtMs: number;
    file: DiskFile;
    lengthBytes: number;
  };
  /** The segment before the active one. */
  previous?: SegmentEnd;
  /** Of the events in the active segment. */
  hashes: string[];
  cut?: Cut;
}

/** What recovery took away: the torn rest of a commit that was never answered. */
export interface Cut {
  /** Name of the file. */
  segment: string;
  /** Its new length. */
  offsetBytes: number;
  cutBytes: number;
  reason: string;
}

/**
 * Brings the log into the state that the last answered commit left it in. Only the last segment is
 * looked into: those before it are complete, and what is wrong with one is the reader's to report.
 * @throws {LogReadError} The last segment has no readable header, or one of an unknown version.
 */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  await disk.makeDirectory(directory);
  // A file whose removal a power loss undid would come back between those made from here on.
  await disk.syncDirectory(directory);
  const sequences = await listSegments(disk, directory);
  const nextSequence = (sequences.at(-1) ?? 0) + 1;
  for (const sequence of sequences.toReversed()) {
    const state = await readSegmentFile(disk, directory, sequence);
    if (state.kind === 'void') continue;
    if (state.kind === 'damaged') {
      throw new LogReadError('damaged', `segment ${segmentName(sequence)} is damaged: its header`);
    }
    const { basePosition, createdAtMs, previous } = state.header;
    const file = await disk.open(segmentPath(directory, sequence), 'readwrite');
    try {
      const scan = await scanActive(file, basePosition);
      const cutBytes = (await file.sizeBytes()) - scan.lengthBytes;
      await makeDurable(file, scan);
      return {
        endPosition: scan.endPosition,
        nextSequence,
        active: { sequence, basePosition, createdAtMs, file, lengthBytes: scan.lengthBytes },
        ...(previous && { previous }),
        hashes: scan.hashes,
        ...(cutBytes > 0 && {
          cut: {
            segment: segmentName(sequence),
            offsetBytes: scan.lengthBytes,
            cutBytes,
            reason: scan.reason,
          },
        }),
      };
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }
  return { endPosition: 0, nextSequence, hashes: [] };
}

interface ActiveScan {
  endPosition: Position;
  lengthBytes: number;
  /** Where the last thing written starts: a frame, or the header. */
  lastWriteOffset: number;
  hashes: string[];
  /** Why the segment ends here. */
  reason: string;
}

async function scanActive(file: DiskFile, basePosition: Position): Promise<ActiveScan> {
  const scanner = new FrameScanner(file, { position: basePosition, offset: SEGMENT_HEADER_BYTES });
  const hashes: string[] = [];
  let lastWriteOffset = 0;
  for (;;) {
    const offset = scanner.offset;
    const scanned = await scanner.next(Infinity, Infinity);
    if (scanned.kind !== 'frame') {
      const reason = scanned.kind === 'bad' ? scanned.reason : 'the file ends';
      return { endPosition: scanner.position, lengthBytes: offset, lastWriteOffset, hashes, reason };
    }
    addHashes(hashes, scanned.frame);
    lastWriteOffset = offset;
  }
}

function addHashes(hashes: string[], { entries }: Frame): void {
  for (let at = 0; at < entries.length; at = entryEnd(entries, at)) hashes.push(entryHash(entries, at));
}

/**
 * The last write is repeated: had its sync failed before the process ended, the system may hold it
 * in memory as if it were on the disk, and a sync alone would do nothing.
 */
async function makeDurable(file: DiskFile, { lengthBytes, lastWriteOffset }: ActiveScan): Promise<void> {
  await file.truncate(lengthBytes);
  const lastWrite = Buffer.alloc(lengthBytes - lastWriteOffset);
  await file.read(lastWrite, lastWriteOffset);
  await file.write([lastWrite], lastWriteOffset);
  await file.sync();
}
