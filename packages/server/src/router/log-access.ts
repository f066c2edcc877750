import type { SegmentEvent } from '@millrace/spec';
import type { Clock } from '../clock.ts';
import {
  LogReadError,
  type LogReader,
  type LogRecord,
  type Partition,
  type Position,
  type ReadLimit,
} from '../log/log.ts';
import type { PendingEvent } from '../ledger/ledger.ts';
import { describeError, type RouterLogger } from './describe-error.ts';

/** A record of the log with its event read. */
export interface LoggedEvent extends LogRecord {
  event: SegmentEvent;
}

export type ReadLog = (from: Position, limit: ReadLimit) => Promise<LoggedEvent[]>;

const READ_RETRY_MS = 1_000;

/** Reads one partition; an I/O error, which may pass, is tried again every second until the signal. */
export function readPatiently(options: {
  reader: LogReader;
  partition: Partition;
  clock: Clock;
  logger: RouterLogger;
  signal: AbortSignal;
}): ReadLog {
  const { reader, partition, clock, logger, signal } = options;
  return async (from, limit) => {
    for (;;) {
      try {
        const records = await reader.read(partition, from, limit);
        return records.map((record) => ({ ...record, event: eventOf(record) }));
      } catch (error) {
        if (!(error instanceof LogReadError && error.code === 'io') || signal.aborted) throw error;
        logger.warn({ partition, ...describeError(error) }, 'the log could not be read; trying again');
        await clock.sleep(READ_RETRY_MS, signal);
      }
    }
  };
}

function eventOf(record: LogRecord): SegmentEvent {
  return JSON.parse(record.json.toString()) as SegmentEvent;
}

/** Pending events lie in clusters, the width of an outage; a read spans at most this many positions. */
const SPAN_MAX_COUNT = 1_000;
const SPAN_MAX_BYTES = 4 * 1024 * 1024;

/** An event that the ledger holds as pending is not in the log. */
export class PendingEventMissing extends Error {
  override readonly name = 'PendingEventMissing';
  readonly code = 'pending_event_missing';
}

/**
 * Pending events as they stand in the log, by position.
 * @throws {LogReadError}
 * @throws {PendingEventMissing}
 */
export async function* pendingRecords(
  read: ReadLog,
  pending: readonly PendingEvent[],
): AsyncGenerator<{ logged: LoggedEvent; progress: PendingEvent }> {
  let index = 0;
  while (index < pending.length) {
    const startIndex = index;
    const limit = { maxCount: spanOf(pending, startIndex), maxBytes: SPAN_MAX_BYTES };
    for (const logged of await read(pending[startIndex]!.position, limit)) {
      const progress = pending[index];
      if (progress?.position !== logged.position) continue;
      yield { logged, progress };
      index += 1;
    }
    if (index === startIndex) throw new PendingEventMissing('a pending event is not in the log');
  }
}

/** How many positions to read so as to end with a pending event. */
function spanOf(pending: readonly PendingEvent[], startIndex: number): number {
  const from = pending[startIndex]!.position;
  let last = from;
  for (let index = startIndex; index < pending.length; index += 1) {
    const { position } = pending[index]!;
    if (position - from >= SPAN_MAX_COUNT) break;
    last = position;
  }
  return last - from + 1;
}

/** Why a destination cannot go on reading, in words that are safe to show. */
export function unreadableReason(error: unknown): string {
  if (error instanceof PendingEventMissing) return error.message;
  if (error instanceof SyntaxError) return 'an event in the log is not valid JSON';
  if (error instanceof LogReadError && error.code === 'beyond_end') {
    return 'the cursor lies beyond the end of the log';
  }
  if (error instanceof LogReadError && error.code === 'trimmed') {
    return 'the log was trimmed past the cursor; a restart gives up what is gone, and goes on';
  }
  if (error instanceof LogReadError && error.code === 'damaged') return 'the log is damaged at the cursor';
  return 'the router failed at this destination; see its log';
}
