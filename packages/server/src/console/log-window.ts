import { FLAG_TIMESTAMP_SKEWED, type LogReader, type LogRecord } from '../log/log.ts';
import type { DurableEnds, Partition, Position, ReadLimit } from '../log/log.ts';
import type { ReceivedEvent } from './wire.ts';

/**
 * Where the newest `count` events of each partition begin. Positions grow by at least one from event
 * to event, so this never finds more than `count`; where a driver leaves gaps it finds fewer.
 */
export function newestPositions(ends: DurableEnds, count: number): Record<Partition, Position> {
  return Object.fromEntries(
    Object.entries(ends).map(([partition, end]) => [partition, Math.max(0, end - count)]),
  );
}

/** The newest events of the log, oldest first, at most `maxCount`. */
export async function readNewest(
  reader: LogReader,
  ends: DurableEnds,
  limit: ReadLimit,
): Promise<ReceivedEvent[]> {
  reader.setDurableEnds(ends);
  const events: ReceivedEvent[] = [];
  for (const [partition, from] of Object.entries(newestPositions(ends, limit.maxCount))) {
    let at = from;
    while (at < (ends[Number(partition)] ?? 0)) {
      const records = await reader.read(Number(partition), at, limit);
      const last = records.at(-1);
      if (!last) break;
      events.push(...records.map(toReceivedEvent));
      at = last.position + 1;
    }
  }
  return events.toSorted((a, b) => a.receivedAtMs - b.receivedAtMs).slice(-limit.maxCount);
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
