import { join } from 'node:path';
import { LogReadError, type Position } from '../log.ts';
import type { Disk } from './disk.ts';
import { startsIn } from './log-start.ts';
import { SEGMENT_HEADER_BYTES, decodeSegmentHeader, type SegmentHeader } from './segment-header.ts';

/** Segments are numbered from 1 in the order in which they were made; numbers may be missing. */
export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(10, '0')}.segment`;
}

export function segmentPath(directory: string, sequence: number): string {
  return join(directory, segmentName(sequence));
}

export interface LogFiles {
  /** The sequences of the segment files, ascending. */
  sequences: number[];
  /** Where the log starts. */
  start: Position;
  /** What was said of the start before. */
  formerStarts: Position[];
}

export async function listLog(disk: Disk, directory: string): Promise<LogFiles> {
  const names = await disk.list(directory);
  const sequences = names.flatMap((name) => {
    const digits = /^(\d{10})\.segment$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  const starts = startsIn(names);
  return {
    sequences: sequences.toSorted((a, b) => a - b),
    start: starts.at(-1) ?? 0,
    formerStarts: starts.slice(0, -1),
  };
}

export type SegmentFileState =
  | { kind: 'segment'; header: SegmentHeader }
  /** Its header was never synced, so there is no event in it: one is being made, or its making failed. */
  | { kind: 'void' }
  /** There are events in it, and its header cannot be read. */
  | { kind: 'damaged' };

/** @throws {LogReadError} The segment has a format version that this Millrace does not know. */
export async function readSegmentFile(
  disk: Disk,
  directory: string,
  sequence: number,
): Promise<SegmentFileState> {
  const file = await disk.open(segmentPath(directory, sequence), 'read');
  try {
    // In this order: events are written only once the header is synced, so a file that is longer has one.
    const sizeBytes = await file.sizeBytes();
    const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
    const readBytes = await file.read(bytes, 0);
    const decoded = decodeSegmentHeader(bytes.subarray(0, readBytes));
    if (decoded.kind === 'header') return { kind: 'segment', header: decoded.header };
    if (decoded.kind === 'bad') return { kind: sizeBytes > SEGMENT_HEADER_BYTES ? 'damaged' : 'void' };
    throw new LogReadError(
      'unknown_version',
      `segment ${segmentName(sequence)} has format version ${decoded.version}, written by another version of Millrace`,
    );
  } finally {
    await file.close();
  }
}
