import { LogReadError, type Position } from '../log.ts';
import type { Disk, DiskFile } from './disk.ts';
import { HashTable } from './dedupe/hash-table.ts';
import { addHashes } from './dedupe/segment-hashes.ts';
import { FrameScanner } from './frame-scanner.ts';
import { findFrame } from './frame-search.ts';
import { listLog, readSegmentFile, segmentName, segmentPath } from './segment-files.ts';
import { SEGMENT_HEADER_BYTES, type SegmentEnd } from './segment-header.ts';

export interface RecoveredLog {
  start: Position;
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
  /** That one, where there is nothing behind it yet: it is damaged in its middle, so it is not written again. */
  sealing?: { sequence: number; basePosition: Position; createdAtMs: number; lengthBytes: number };
  /** Of the events in the last segment. */
  hashes: HashTable;
  cut?: Cut;
  damage: Damage[];
}

/** Bytes with answered events that are no longer what was written, and have sound ones behind them. */
export interface Damage {
  /** Name of the file. */
  segment: string;
  offsetBytes: number;
  reason: string;
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
 * A bad frame with nothing sound behind it is the torn end of a commit and is cut off. With a sound one behind it, it is
 * damage to what was answered: nothing is cut, the segment ends with its last sound frame, and the log goes on in a new one.
 * @throws {LogReadError} The last segment has no readable header, or one of an unknown version; or the log ends before
 * it starts.
 */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  const recovered = await recoverEnd(disk, directory);
  const { start, endPosition, active } = recovered;
  if (start <= endPosition) return recovered;
  await active?.file.close().catch(() => {});
  // Positions would be given a second time.
  throw new LogReadError(
    'damaged',
    `the newest segments are missing: the log starts at ${start} and ends at ${endPosition}`,
  );
}

async function recoverEnd(disk: Disk, directory: string): Promise<RecoveredLog> {
  await disk.makeDirectory(directory);
  // A file whose removal a power loss undid would come back between those made from here on.
  await disk.syncDirectory(directory);
  const { sequences, start } = await listLog(disk, directory);
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
      if (scan.damage.length > 0) {
        await makeDurable(file, scan);
        await file.close();
        const { lengthBytes } = scan;
        return {
          start,
          endPosition: scan.endPosition,
          nextSequence,
          previous: { sequence, syncedBytes: lengthBytes },
          sealing: { sequence, basePosition, createdAtMs, lengthBytes },
          hashes: scan.hashes,
          damage: scan.damage.map((damage) => ({ segment: segmentName(sequence), ...damage })),
        };
      }
      const cutBytes = (await file.sizeBytes()) - scan.lengthBytes;
      await file.truncate(scan.lengthBytes);
      await makeDurable(file, scan);
      return {
        start,
        endPosition: scan.endPosition,
        nextSequence,
        damage: [],
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
  return { start, endPosition: 0, nextSequence, hashes: new HashTable(), damage: [] };
}

interface ActiveScan {
  endPosition: Position;
  lengthBytes: number;
  /** Where the last thing written starts: a frame, or the header. */
  lastWriteOffset: number;
  hashes: HashTable;
  damage: Omit<Damage, 'segment'>[];
  /** Why the segment ends here. */
  reason: string;
}

async function scanActive(file: DiskFile, basePosition: Position): Promise<ActiveScan> {
  let scanner = new FrameScanner(file, { position: basePosition, offset: SEGMENT_HEADER_BYTES });
  const hashes = new HashTable();
  const damage: ActiveScan['damage'] = [];
  let lastWriteOffset = 0;
  for (;;) {
    const { offset, position } = scanner;
    const scanned = await scanner.next(Infinity, Infinity);
    if (scanned.kind === 'frame') {
      addHashes(hashes, scanned.frame);
      lastWriteOffset = offset;
      continue;
    }
    const reason = scanned.kind === 'bad' ? scanned.reason : 'the file ends';
    const next = scanned.kind === 'bad' && (await findFrame(file, offset + 1, Infinity, position));
    if (!next) {
      return { endPosition: position, lengthBytes: offset, lastWriteOffset, hashes, damage, reason };
    }
    damage.push({ offsetBytes: offset, reason });
    scanner = new FrameScanner(file, next);
  }
}

/**
 * The last write is repeated: had its sync failed before the process ended, the system may hold it
 * in memory as if it were on the disk, and a sync alone would do nothing.
 */
async function makeDurable(file: DiskFile, { lengthBytes, lastWriteOffset }: ActiveScan): Promise<void> {
  const lastWrite = Buffer.alloc(lengthBytes - lastWriteOffset);
  await file.read(lastWrite, lastWriteOffset);
  await file.write([lastWrite], lastWriteOffset);
  await file.sync();
}
