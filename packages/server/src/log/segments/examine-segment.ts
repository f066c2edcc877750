import type { Position } from '../log.ts';
import type { DiskFile } from './disk.ts';
import { FrameScanner } from './frame-scanner.ts';
import { findFrame } from './frame-search.ts';
import type { Segment } from './segment-chain.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';

/** Bytes that are not what was written there. */
export interface FrameFault {
  offsetBytes: number;
  reason: string;
  /** Whose events were in it. */
  lost?: { from: Position; to: Position };
}

/** What follows the last whole frame of the active segment: a commit that was never answered, or is being made. */
export interface TornTail {
  offsetBytes: number;
  bytes: number;
}

export interface SegmentScan {
  endPosition: Position;
  faults: FrameFault[];
  tail?: TornTail;
}

export interface SegmentBounds {
  /** What the segment behind it begins with; undefined of the active one. */
  endPosition: Position | undefined;
  /** A server writes: what is not whole at the first look may be at the second. */
  isLive: boolean;
}

/** Goes through all frames of a segment, behind damage too. */
export async function scanSegment(
  file: DiskFile,
  { basePosition, endBytes }: Segment,
  { endPosition, isLive }: SegmentBounds,
): Promise<SegmentScan> {
  const faults: FrameFault[] = [];
  let scanner = new FrameScanner(file, { position: basePosition, offset: SEGMENT_HEADER_BYTES });
  let lookedAgainAt = -1;
  for (;;) {
    const { offset, position } = scanner;
    const scanned = await scanner.next(endBytes, Infinity);
    if (scanned.kind === 'frame') continue;
    if (scanned.kind === 'end') return ended(position, offset, faults, endPosition);
    const next = await findFrame(file, offset + 1, endBytes, position);
    if (!next && endPosition === undefined) {
      const bytes = (await file.sizeBytes()) - offset;
      return { endPosition: position, faults, ...(bytes > 0 && { tail: { offsetBytes: offset, bytes } }) };
    }
    if (next && isLive && offset !== lookedAgainAt) {
      // Frames are written one behind the other: where there is one behind it, this one is whole by now.
      lookedAgainAt = offset;
      scanner = new FrameScanner(file, { position, offset });
      continue;
    }
    const to = next?.position ?? endPosition ?? position;
    faults.push({
      offsetBytes: offset,
      reason: scanned.reason,
      ...(to > position && { lost: { from: position, to } }),
    });
    if (!next) return { endPosition: to, faults };
    scanner = new FrameScanner(file, next);
  }
}

function ended(
  position: Position,
  offsetBytes: number,
  faults: FrameFault[],
  endPosition = position,
): SegmentScan {
  if (position === endPosition) return { endPosition, faults };
  const reason = `it ends at position ${position}, and the next segment begins at ${endPosition}`;
  const lost = position < endPosition && { lost: { from: position, to: endPosition } };
  return { endPosition, faults: [...faults, { offsetBytes, reason, ...lost }] };
}
