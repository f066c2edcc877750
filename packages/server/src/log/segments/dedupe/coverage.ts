import type { Position } from '../../log.ts';
import type { SealedSegment } from '../segment-chain.ts';

/** Whose hashes a set of hashes has: those of all events in neighbouring segments. */
export interface Coverage {
  firstSequence: number;
  lastSequence: number;
  from: Position;
  /** After the last event. */
  to: Position;
  /** When the first of the segments was made. */
  createdAtMs: number;
  /** When the last one was made: with its sequence and its end, what tells it from one of another log. */
  lastCreatedAtMs: number;
  /** When the last one was sealed: its events are older. */
  sealedAtMs: number;
}

export function coverageOf(segment: SealedSegment): Coverage {
  const { sequence, basePosition, endPosition, createdAtMs, sealedAtMs } = segment;
  return {
    firstSequence: sequence,
    lastSequence: sequence,
    from: basePosition,
    to: endPosition,
    createdAtMs,
    lastCreatedAtMs: createdAtMs,
    sealedAtMs,
  };
}

/** @param newer Begins where `older` ends. */
export function joined(older: Coverage, newer: Coverage): Coverage {
  const { firstSequence, from, createdAtMs } = older;
  return { ...newer, firstSequence, from, createdAtMs };
}

export function includes(outer: Coverage, inner: Pick<Coverage, 'from' | 'to'>): boolean {
  return outer.from <= inner.from && inner.to <= outer.to;
}

/**
 * Whether the events are this log's: hashes of events that it does not have, or has no more since another log was
 * put in its place, would make it call duplicate what it never got.
 * @param sealed All that the log has, oldest first; what was before them was given up.
 * @param start Where what it has begins.
 */
export function belongsTo(
  { lastSequence, to, lastCreatedAtMs }: Coverage,
  sealed: readonly SealedSegment[],
  start: Position,
): boolean {
  const last = sealed.find(({ sequence }) => sequence === lastSequence);
  if (last) return last.endPosition === to && last.createdAtMs === lastCreatedAtMs;
  return to <= start;
}
