import { LogReadError, type LogReader } from '../log/log.ts';
import type { Partition, Position } from '../log/log.ts';
import { readUnlessTrimmed, toReceivedEvent, type LogBounds } from './log-window.ts';
import type { ReceivedEvent } from './wire.ts';

/** Further behind than this a watcher is moved to the newest chunk: it shows the present, not a backlog. */
export const MAX_BEHIND_COUNT = 1_000;

/** What one step sends at most. */
export const CHUNK = { maxCount: 100, maxBytes: 256 * 1024 };

export interface TailStep {
  /** Oldest first within a partition. */
  events: ReceivedEvent[];
  /** By the distance of positions: exact where the driver leaves no gaps, too high elsewhere. */
  skippedCount: number;
  /** Where the next step begins. */
  positions: Record<Partition, Position>;
  caughtUp: boolean;
  /** Set when events were skipped because they could not be read. */
  error?: LogReadError;
}

/**
 * One step of following the log from `positions`, or from its start where that is later, to its durable ends. A watcher that is slow, or whose
 * log is written faster than a page can show, falls behind and then jumps; nothing is queued for it.
 */
export async function tailStep(
  reader: LogReader,
  log: LogBounds,
  positions: Readonly<Record<Partition, Position>>,
): Promise<TailStep> {
  const step: TailStep = { events: [], skippedCount: 0, positions: {}, caughtUp: true };
  const { durableEnds: ends, starts } = log;
  reader.setDurableEnds(ends);
  for (const [key, end] of Object.entries(ends)) {
    const partition = Number(key);
    const from = startOf(positions[partition], starts[partition] ?? 0, end);
    step.skippedCount += from.skippedCount;
    step.positions[partition] = end;
    if (from.position >= end) continue;
    try {
      const records = await readUnlessTrimmed(reader, partition, from.position, CHUNK);
      if (!records) {
        step.positions[partition] = from.position;
        step.caughtUp = false;
        continue;
      }
      const last = records.at(-1);
      if (!last) continue;
      step.events.push(...records.map(toReceivedEvent));
      step.positions[partition] = last.position + 1;
      if (last.position + 1 < end) step.caughtUp = false;
    } catch (error) {
      if (!(error instanceof LogReadError)) throw error;
      step.error = error;
      step.skippedCount += end - from.position;
    }
  }
  return step;
}

function startOf(
  seen: Position | undefined,
  start: Position,
  end: Position,
): { position: Position; skippedCount: number } {
  const newest = Math.max(start, end - CHUNK.maxCount);
  if (seen === undefined) return { position: newest, skippedCount: 0 };
  // Beyond the end: the data folder was replaced since.
  if (seen > end) return { position: newest, skippedCount: 0 };
  if (end - seen > MAX_BEHIND_COUNT) return { position: newest, skippedCount: newest - seen };
  if (seen < start) return { position: start, skippedCount: start - seen };
  return { position: seen, skippedCount: 0 };
}
