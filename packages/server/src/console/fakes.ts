import type { LedgerReader } from '../ledger/ledger.ts';
import type { EventSearch } from '../search/search.ts';
import type { TraceReader } from '../trace/trace.ts';
import { LogReadError, type DurableEnds, type EventLog, type LogReader, type LogRecord } from '../log/log.ts';

/** A log in memory, as far as the console sees one; for tests. */
export interface FakeLog {
  log: Pick<EventLog, 'durableEnds' | 'starts' | 'onDurable'>;
  reader: LogReader;
  /** Makes an event durable. Returns its position. */
  add(event: object, options?: { receivedAtMs?: number; sourceId?: string }): number;
  /** Gives up what is before. */
  trim(start: number): void;
  /** Positions that cannot be read. */
  damaged: Set<number>;
  /** How often it was read. */
  readonly readCount: number;
  readonly listenerCount: number;
}

export function createFakeLog(): FakeLog {
  const records: LogRecord[] = [];
  const damaged = new Set<number>();
  const listeners = new Set<(ends: DurableEnds) => void>();
  let readCount = 0;
  let start = 0;
  const ends = (): DurableEnds => ({ 0: records.length });
  return {
    damaged,
    log: {
      get durableEnds() {
        return ends();
      },
      get starts() {
        return { 0: start };
      },
      onDurable(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    reader: {
      setDurableEnds: () => {},
      setStarts: () => {},
      async read(partition, from, { maxCount }) {
        readCount += 1;
        if (from > records.length) throw new LogReadError('beyond_end', 'beyond the end');
        if (from < start) throw new LogReadError('trimmed', 'trimmed');
        if (damaged.has(from)) throw new LogReadError('damaged', 'damaged');
        return partition === 0 ? records.slice(from, from + maxCount) : [];
      },
      ranges: async () => [],
      close: async () => {},
    },
    add(event, { receivedAtMs = records.length, sourceId = 'web' } = {}) {
      const position = records.length;
      const json = Buffer.from(JSON.stringify(event));
      records.push({ partition: 0, position, sourceId, receivedAtMs, flags: 0, json });
      for (const listener of listeners) listener(ends());
      return position;
    },
    trim(to) {
      start = to;
    },
    get readCount() {
      return readCount;
    },
    get listenerCount() {
      return listeners.size;
    },
  };
}

export const emptySearch: EventSearch = { find: () => Promise.resolve({ hits: [] }) };

/** Knows no event. */
export const emptyTrace: TraceReader['trace'] = () => Promise.resolve(undefined);

export const emptyLedger: Pick<LedgerReader, 'totals' | 'deadLetters' | 'deadLetter'> = {
  totals: () => [],
  deadLetters: () => ({ letters: [] }),
  deadLetter: () => undefined,
};
