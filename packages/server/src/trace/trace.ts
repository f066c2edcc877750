import type { DestinationTrace, LedgerReader } from '../ledger/ledger.ts';
import { FLAG_TIMESTAMP_SKEWED, LogReadError, type LogRecord } from '../log/log.ts';
import type { EventSearch, SearchCursor } from '../search/search.ts';

/** Events with one messageId: of several sources, or sent again later than duplicates are found. */
const MAX_EVENT_COUNT = 20;

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
   * @throws What the signal says, once it is aborted.
   * @throws {LogReadError} It was not found, and a part of the log cannot be read.
   */
  trace(messageId: string, signal: AbortSignal): Promise<TraceReply | undefined>;
}

export interface TraceReaderOptions {
  search: EventSearch;
  ledger: Pick<LedgerReader, 'trace'>;
  duplicates: (messageId: string) => TracedDuplicate[];
}

/** Joins log, ledger and duplicates. */
export function createTraceReader({ search, ledger, duplicates }: TraceReaderOptions): TraceReader {
  return {
    async trace(messageId, signal) {
      const records = await find(search, messageId, signal);
      const events = records.map(({ partition, position, sourceId, receivedAtMs, flags, json: bytes }) => {
        const json = bytes.toString('utf8');
        return {
          messageId,
          sourceId,
          partition,
          position,
          receivedAtMs,
          stamps: stampsOf(json),
          timestampSkewed: (flags & FLAG_TIMESTAMP_SKEWED) !== 0,
          json,
          destinations: ledger.trace(partition, position),
        };
      });
      const known = duplicates(messageId);
      return events.length > 0 || known.length > 0 ? { messageId, events, duplicates: known } : undefined;
    },
  };
}

/** A page may end because of its time, where there is no index yet. */
async function find(search: EventSearch, messageId: string, signal: AbortSignal): Promise<LogRecord[]> {
  let unreadable: string | undefined;
  let before: SearchCursor | undefined;
  do {
    const page = await search.find(
      { messageId },
      { limit: MAX_EVENT_COUNT, ...(before && { before }) },
      signal,
    );
    if (page.hits.length > 0) return page.hits;
    unreadable ??= page.unreadable;
    before = page.next;
  } while (before);
  if (unreadable !== undefined) throw new LogReadError('damaged', unreadable);
  return [];
}

function stampsOf(json: string): EventTrace['stamps'] {
  const event = JSON.parse(json) as Record<string, unknown>;
  const names = ['timestamp', 'originalTimestamp', 'sentAt', 'receivedAt'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (typeof event[name] === 'string' ? [[name, event[name]]] : [])),
  );
}
