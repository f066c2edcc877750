import type { Position } from '../log.ts';
import { realDisk, type Disk } from './disk.ts';
import { scanSegment, type FrameFault, type SegmentScan, type TornTail } from './examine-segment.ts';
import { isLogFile } from './log-start.ts';
import type { SealedSegment, Segment } from './segment-chain.ts';
import { listLog, segmentName, segmentPath } from './segment-files.ts';
import {
  SEGMENT_HEADER_BYTES,
  decodeSegmentHeader,
  type SegmentEnd,
  type SegmentHeader,
} from './segment-header.ts';

export interface PositionRange {
  from: Position;
  /** After the last one. */
  to: Position;
}

export type ExaminedSegment = { name: string } & (
  | {
      kind: 'read';
      from: Position;
      /** After its last event; of the active one, for now. */
      to: Position;
      isActive: boolean;
      faults: FrameFault[];
      /** Only the active one can have it. */
      tail?: TornTail;
    }
  /** Without events: its making failed, or it is being made. */
  | { kind: 'void' }
  /** Before the start of the log: a trim was interrupted. */
  | { kind: 'left-over' }
  /** It has events, and the log does not lead to it: what is between is missing or damaged. */
  | { kind: 'unreachable' }
  | { kind: 'header-damaged' }
  | { kind: 'unknown-version'; version: number }
  | { kind: 'missing' }
  | { kind: 'unreadable'; reason: string }
);

export interface LogExamination {
  /** By the newest `.start`, else 0. */
  start: Position;
  /** Undefined where the newest segment does not tell. */
  end: Position | undefined;
  /** What said of the start before and was not removed: a trim was interrupted. */
  formerStarts: Position[];
  /** Oldest first. */
  segments: ExaminedSegment[];
  /** Positions whose events cannot be read, ascending. */
  lost: PositionRange[];
  /** Names in the folder that are not of a log. */
  foreign: string[];
  /** What runs are told by: the sealed segments that the log leads to, oldest first. */
  sealed: SealedSegment[];
}

/**
 * Reads every frame of every segment and changes nothing.
 * @param isLive A server is at work: what is behind the last whole frame is being written, and files may come and go.
 * @throws What the disk says of the folder.
 */
export async function examineLog(
  dir: string,
  { isLive, disk = realDisk }: { isLive: boolean; disk?: Disk },
): Promise<LogExamination> {
  let look = await lookAt(disk, dir);
  // A listing that goes on while the log is trimmed may miss the new start and what was removed after it.
  if (isLive && look.brokenAt !== undefined) look = await lookAt(disk, dir);
  const { files, start, chain, brokenAt } = look;
  const segments: ExaminedSegment[] = [];
  const lost: PositionRange[] = [];
  const first = chain[0];
  if (brokenAt !== undefined && first) lost.push({ from: start, to: first.basePosition });
  if (brokenAt !== undefined && !files.has(brokenAt)) {
    segments.push({ name: segmentName(brokenAt), kind: 'missing' });
  }
  let end: Position | undefined = brokenAt !== undefined && !first ? undefined : 0;
  for (const [sequence, file] of files) {
    const name = segmentName(sequence);
    const index = chain.findIndex((segment) => segment.sequence === sequence);
    const segment = chain[index];
    if (!segment) {
      const isBefore = brokenAt === undefined && first !== undefined && sequence < first.sequence;
      segments.push({ name, ...(isBefore ? { kind: 'left-over' } : unreachable(file)) });
      continue;
    }
    const next = chain[index + 1];
    const scan = await scanOf(disk, dir, segment, next?.basePosition, isLive);
    if (scan === 'gone') continue;
    if ('reason' in scan) {
      segments.push({ name, kind: 'unreadable', reason: scan.reason });
      if (next) lost.push({ from: segment.basePosition, to: next.basePosition });
      else end = undefined;
      continue;
    }
    const { endPosition, faults, tail } = scan;
    const to = next?.basePosition ?? endPosition;
    if (!next) end = endPosition;
    for (const fault of faults) if (fault.lost) lost.push(fault.lost);
    const read = { name, kind: 'read', from: segment.basePosition, to, isActive: !next, faults } as const;
    segments.push({ ...read, ...(tail && { tail }) });
  }
  return {
    start,
    end,
    formerStarts: look.formerStarts,
    segments: segments.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    lost: lost.toSorted((a, b) => a.from - b.from),
    foreign: look.foreign,
    sealed: chain.slice(0, -1).map((segment, index) => {
      const next = chain[index + 1]!;
      return { ...segment, endPosition: next.basePosition, sealedAtMs: next.createdAtMs };
    }),
  };
}

type SegmentFile =
  | { kind: 'segment'; header: SegmentHeader; sizeBytes: number }
  | { kind: 'void' }
  | { kind: 'header-damaged' }
  | { kind: 'unknown-version'; version: number }
  | { kind: 'unreadable'; reason: string };

function unreachable(file: SegmentFile): Exclude<SegmentFile, { kind: 'segment' }> | { kind: 'unreachable' } {
  if (file.kind !== 'segment') return file;
  return file.sizeBytes > SEGMENT_HEADER_BYTES ? { kind: 'unreachable' } : { kind: 'void' };
}

interface Look {
  start: Position;
  formerStarts: Position[];
  foreign: string[];
  /** By sequence, ascending. */
  files: ReadonlyMap<number, SegmentFile>;
  /** As far back as the log leads, oldest first. */
  chain: Segment[];
  /** The sequence of what should be before the chain. */
  brokenAt: number | undefined;
}

/** As `SegmentChain`, but it says what each file is, and ends at none. */
async function lookAt(disk: Disk, dir: string): Promise<Look> {
  const foreign = (await disk.list(dir)).filter((name) => !isLogFile(name)).toSorted();
  const { sequences, start, formerStarts } = await listLog(disk, dir);
  const files = new Map<number, SegmentFile>();
  for (const sequence of sequences) {
    const file = await readHeader(disk, dir, sequence);
    if (file) files.set(sequence, file);
  }
  const newest = [...files.keys()].findLast((sequence) => files.get(sequence)?.kind !== 'void');
  let link: SegmentEnd | undefined =
    newest === undefined ? undefined : { sequence: newest, syncedBytes: Infinity };
  const chain: Segment[] = [];
  while (link) {
    const file = files.get(link.sequence);
    if (file?.kind !== 'segment') break;
    const { basePosition, createdAtMs, previous } = file.header;
    chain.unshift({ sequence: link.sequence, basePosition, createdAtMs, endBytes: link.syncedBytes });
    link = basePosition > start ? previous : undefined;
  }
  return { start, formerStarts, foreign, files, chain, brokenAt: link?.sequence };
}

/** Undefined: it is not there any more. */
async function readHeader(disk: Disk, dir: string, sequence: number): Promise<SegmentFile | undefined> {
  try {
    const file = await disk.open(segmentPath(dir, sequence), 'read');
    try {
      // In this order: events are written only once the header is synced.
      const sizeBytes = await file.sizeBytes();
      const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
      const readBytes = await file.read(bytes, 0);
      const decoded = decodeSegmentHeader(bytes.subarray(0, readBytes));
      if (decoded.kind === 'header') return { kind: 'segment', header: decoded.header, sizeBytes };
      if (decoded.kind === 'unknown-version') return decoded;
      return { kind: sizeBytes > SEGMENT_HEADER_BYTES ? 'header-damaged' : 'void' };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    return { kind: 'unreadable', reason: errnoOf(error) ?? 'unknown error' };
  }
}

async function scanOf(
  disk: Disk,
  dir: string,
  segment: Segment,
  endPosition: Position | undefined,
  isLive: boolean,
): Promise<SegmentScan | 'gone' | { reason: string }> {
  try {
    const file = await disk.open(segmentPath(dir, segment.sequence), 'read');
    try {
      return await scanSegment(file, segment, { endPosition, isLive });
    } finally {
      await file.close();
    }
  } catch (error) {
    // Trimmed meanwhile.
    if (isLive && errnoOf(error) === 'ENOENT') return 'gone';
    return { reason: errnoOf(error) ?? 'unknown error' };
  }
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
