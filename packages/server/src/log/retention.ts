import type { LogRange, Needs, Partition, Position } from './log.ts';

export interface RetentionOptions {
  /** What every destination has had is given up so long after it was sealed. Milliseconds. */
  retainMs: number;
  /** All ranges together. */
  maxBytes: number;
  minFreeDiskBytes: number;
  /** At those two bounds, where what is oldest is still needed. */
  onFull: 'refuse' | 'drop-oldest';
}

export interface RetentionFacts {
  /** Of all partitions; of each one oldest first, the last one open. */
  ranges: readonly LogRange[];
  nowMs: number;
  freeDiskBytes: number;
  needs: Needs;
}

export type LogBound = 'maxBytes' | 'minFreeDiskBytes';

export interface RetentionPlan {
  /** For each partition where there is something to give up: where it is to start. */
  before: Record<Partition, Position>;
  /** Who does not get what is given up, and up to where. Empty: nobody loses anything. */
  losers: { destinationId: string; partition: Partition; before: Position }[];
  /** Which bound is passed all the same: nothing more may be taken until it no longer is. */
  refuse: LogBound | undefined;
}

/**
 * What of the log is to be given up: the oldest ranges first, those that nobody needs when they are old enough or a bound
 * is passed; at a bound, where `onFull` says so, those that are needed too. Never an open one.
 */
export function planRetention(facts: RetentionFacts, options: RetentionOptions): RetentionPlan {
  const plan: RetentionPlan = { before: {}, losers: [], refuse: undefined };
  const held = new Set<Partition>();
  let bytes = facts.ranges.reduce((sum, range) => sum + range.bytes, 0);
  let freeBytes = facts.freeDiskBytes;
  const passed = (): LogBound | undefined => boundPassedBy(bytes, freeBytes, options);
  for (const { range, to, sealedAtMs } of sealedOldestFirst(facts.ranges)) {
    const { partition } = range;
    if (held.has(partition)) continue;
    const isFull = passed() !== undefined;
    const losers = needing(facts.needs, partition, to);
    const mayGo = losers.length === 0 || (isFull && options.onFull === 'drop-oldest');
    if (!mayGo || !(isFull || facts.nowMs - sealedAtMs >= options.retainMs)) {
      held.add(partition);
      continue;
    }
    plan.before[partition] = to;
    bytes -= range.bytes;
    freeBytes += range.bytes;
    for (const destinationId of losers) {
      const known = plan.losers.find(
        (each) => each.destinationId === destinationId && each.partition === partition,
      );
      if (known) known.before = to;
      else plan.losers.push({ destinationId, partition, before: to });
    }
  }
  plan.refuse = passed();
  return plan;
}

/** Which bound is passed as things are. */
export function passedBound(
  { ranges, freeDiskBytes }: Pick<RetentionFacts, 'ranges' | 'freeDiskBytes'>,
  options: RetentionOptions,
): LogBound | undefined {
  const bytes = ranges.reduce((sum, range) => sum + range.bytes, 0);
  return boundPassedBy(bytes, freeDiskBytes, options);
}

function boundPassedBy(bytes: number, freeBytes: number, options: RetentionOptions): LogBound | undefined {
  if (bytes > options.maxBytes) return 'maxBytes';
  return freeBytes < options.minFreeDiskBytes ? 'minFreeDiskBytes' : undefined;
}

interface Sealed {
  range: LogRange;
  to: Position;
  /** When the range behind it was made. */
  sealedAtMs: number;
}

function sealedOldestFirst(ranges: readonly LogRange[]): Sealed[] {
  const sealed = ranges.flatMap((range): Sealed[] => {
    const next = ranges.find((other) => other.partition === range.partition && other.from === range.to);
    return range.to === undefined || !next ? [] : [{ range, to: range.to, sealedAtMs: next.createdAtMs }];
  });
  return sealed.toSorted((a, b) => a.sealedAtMs - b.sealedAtMs || a.to - b.to);
}

function needing(needs: Needs, partition: Partition, to: Position): string[] {
  return Object.keys(needs).filter((id) => (needs[id]?.[partition] ?? Infinity) < to);
}
