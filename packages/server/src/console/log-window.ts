import {
  FLAG_TIMESTAMP_SKEWED,
  LogReadError,
  type EventLog,
  type LogReader,
  type LogRecord,
} from '../log/log.ts';
import type { Partition, Position, ReadLimit } from '../log/log.ts';
import type { ReceivedEvent } from './wire.ts';

/** Between which positions there is something to read, as it is now. */
export type LogBounds = Pick<EventLog, 'durableEnds' | 'starts'>;

/**
 * Where the newest `count` events of each partition begin. Positions grow by at least one from event
 * to event, so this never finds more than `count`; where a driver leaves gaps it finds fewer.
 */
export function newestPositions(
  { durableEnds, starts }: LogBounds,
  count: number,
): Record<Partition, Position> {
  return Object.fromEntries(
    Object.entries(durableEnds).map(([key, end]) => {
      const partition = Number(key);
      return [partition, Math.max(starts[partition] ?? 0, end - count)];
    }),
  );
}

/** The newest events of the log, oldest first, at most `maxCount`. */
export async function readNewest(
  reader: LogReader,
  log: LogBounds,
  limit: ReadLimit,
): Promise<ReceivedEvent[]> {
  const ends = log.durableEnds;
  reader.setDurableEnds(ends);
  const events: ReceivedEvent[] = [];
  for (const [key, from] of Object.entries(newestPositions(log, limit.maxCount))) {
    const partition = Number(key);
    let at = from;
    while (at < (ends[partition] ?? 0)) {
      const records = await readUnlessTrimmed(reader, partition, at, limit);
      const start = log.starts[partition] ?? 0;
      if (!records && start > at) {
        at = start;
        continue;
      }
      const last = records?.at(-1);
      if (!records || !last) break;
      events.push(...records.map(toReceivedEvent));
      at = last.position + 1;
    }
  }
  return events.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs).slice(-limit.maxCount);
}

/** Undefined: it was trimmed since somebody looked where the log starts. */
export async function readUnlessTrimmed(
  reader: LogReader,
  partition: Partition,
  from: Position,
  limit: ReadLimit,
): Promise<LogRecord[] | undefined> {
  try {
    return await reader.read(partition, from, limit);
  } catch (error) {
    if (error instanceof LogReadError && error.code === 'trimmed') return undefined;
    throw error;
  }
}

export function toReceivedEvent(record: LogRecord): ReceivedEvent {
  return {
    kind: 'received',
    sourceId: record.sourceId,
    partition: record.partition,
    position: record.position,
    receivedAtMs: record.receivedAtMs,
    timestampSkewed: (record.flags & FLAG_TIMESTAMP_SKEWED) !== 0,
    json: record.json.toString('utf8'),
  };
}
