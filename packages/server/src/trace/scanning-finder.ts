import { LogReadError, type DurableEnds, type LogRange, type LogReader, type LogRecord } from '../log/log.ts';
import type { EventFinder, EventPlace } from './event-finder.ts';

/** One slice of the scan; between two of them the process does other things, and the signal is looked at. */
const SLICE = { maxCount: 2_000, maxBytes: 1024 * 1024 };
const MAX_PLACE_COUNT = 20;

export interface ScanningFinderOptions {
  reader: LogReader;
  durableEnds: () => DurableEnds;
}

/**
 * Finds an event by reading the log, the newest range first, and ends with the first range that has it: what
 * it costs grows with the event's age, and for an unknown one it is the reading of the whole log.
 */
export function scanningFinder({ reader, durableEnds }: ScanningFinderOptions): EventFinder {
  return {
    async find(messageId, signal) {
      const ends = durableEnds();
      reader.setDurableEnds(ends);
      let fault: LogReadError | undefined;
      for (const range of await newestFirst(reader, ends)) {
        const places: EventPlace[] = [];
        try {
          for await (const place of scan(reader, range, ends, messageId, signal)) places.push(place);
        } catch (error) {
          if (!(error instanceof LogReadError)) throw error;
          // Given up while it was looked at.
          if (error.code !== 'trimmed') fault ??= error;
        }
        if (places.length > 0) return places.toReversed().slice(0, MAX_PLACE_COUNT);
      }
      if (fault) throw fault;
      return [];
    },
  };
}

async function newestFirst(reader: LogReader, ends: DurableEnds): Promise<LogRange[]> {
  const ranges = await Promise.all(Object.keys(ends).map((partition) => reader.ranges(Number(partition))));
  return ranges.flat().toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.from - a.from);
}

async function* scan(
  reader: LogReader,
  { partition, from, to }: LogRange,
  ends: DurableEnds,
  messageId: string,
  signal: AbortSignal,
): AsyncGenerator<EventPlace> {
  const end = Math.min(to ?? Infinity, ends[partition] ?? 0);
  for (let at = from; at < end;) {
    signal.throwIfAborted();
    const records = await reader.read(partition, at, SLICE);
    const last = records.at(-1);
    if (!last) return;
    for (const record of records) {
      if (record.position < end && hasMessageId(record, messageId))
        yield { partition, position: record.position };
    }
    at = last.position + 1;
  }
}

/** The id may stand elsewhere in an event, and may be written with escapes. */
function hasMessageId({ json }: LogRecord, messageId: string): boolean {
  if (!json.includes(messageId) && !json.includes('\\')) return false;
  return (JSON.parse(json.toString('utf8')) as { messageId?: unknown }).messageId === messageId;
}
