import type { DestinationTrace, LedgerReader } from '../ledger/ledger.ts';
import { FLAG_TIMESTAMP_SKEWED, LogReadError, type LogReader, type LogRecord } from '../log/log.ts';
import type { EventFinder } from './event-finder.ts';

/** All that is known of one event. */
export interface EventTrace {
  messageId: string;
  sourceId: string;
  partition: number;
  position: number;
  /** By the collector's clock, milliseconds since the epoch. */
  receivedAtMs: number;
  /** As they stand in the event; absent where it has none. */
  stamps: { timestamp?: string; originalTimestamp?: string; sentAt?: string; receivedAt?: string };
  /** The sender's clock was off by more than a day: `timestamp` stands as sent. */
  timestampSkewed: boolean;
  /** The event as text, since a browser's numbers would change what the log holds. */
  json: string;
  destinations: DestinationTrace[];
}

/** A duplicate that was not kept. */
export interface TracedDuplicate {
  receivedAtMs: number;
  sourceId?: string;
}

export interface TraceReply {
  messageId: string;
  /** Newest first; none where only duplicates are known. */
  events: EventTrace[];
  /** Those that are still kept, at most 100, oldest first. */
  duplicates: TracedDuplicate[];
}

export interface TraceReader {
  /**
   * Undefined when nothing is known of the messageId.
   * @throws What the finder throws, and {LogReadError}.
   */
  trace(messageId: string, signal: AbortSignal): Promise<TraceReply | undefined>;
}

export interface TraceReaderOptions {
  finder: EventFinder;
  reader: Pick<LogReader, 'read'>;
  ledger: Pick<LedgerReader, 'trace'>;
  duplicates: (messageId: string) => TracedDuplicate[];
}

/** Joins log, ledger and duplicates. The finder has told the reader of the log how far it may read. */
export function createTraceReader({ finder, reader, ledger, duplicates }: TraceReaderOptions): TraceReader {
  return {
    async trace(messageId, signal) {
      const events: EventTrace[] = [];
      for (const { partition, position } of await finder.find(messageId, signal)) {
        signal.throwIfAborted();
        const [record] = await readUnlessTrimmed(reader, partition, position);
        if (!record) continue;
        const { sourceId, receivedAtMs, flags } = record;
        const json = record.json.toString('utf8');
        events.push({
          messageId,
          sourceId,
          partition,
          position,
          receivedAtMs,
          stamps: stampsOf(json),
          timestampSkewed: (flags & FLAG_TIMESTAMP_SKEWED) !== 0,
          json,
          destinations: ledger.trace(partition, position),
        });
      }
      const known = duplicates(messageId);
      return events.length > 0 || known.length > 0 ? { messageId, events, duplicates: known } : undefined;
    },
  };
}

/** None: the event was given up since it was found. */
async function readUnlessTrimmed(
  reader: Pick<LogReader, 'read'>,
  partition: number,
  position: number,
): Promise<LogRecord[]> {
  try {
    return await reader.read(partition, position, { maxCount: 1, maxBytes: 1 });
  } catch (error) {
    if (error instanceof LogReadError && error.code === 'trimmed') return [];
    throw error;
  }
}

function stampsOf(json: string): EventTrace['stamps'] {
  const event = JSON.parse(json) as Record<string, unknown>;
  const names = ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (typeof event[name] === 'string' ? [[name, event[name]]] : [])),
  );
}
