import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import { LogReadError, type LogRange, type LogReader, type LogRecord, type Position } from '../log/log.ts';
import type { IndexFolder } from './index-folder.ts';
import { keysOf } from './keys.ts';
import { matcherOf } from './matches.ts';
import type { OpenIndex } from './open-index.ts';
import type { CandidateQuery, EventSearch, LogBounds, SearchQuery } from './search.ts';

/** How long one page may take; a caller who wants more goes on from its cursor. */
const PAGE_MS = 1_000;
/** Positions that one read may span; between two reads the process does other things. */
const WINDOW_SPAN = 1_000;
const WINDOW_MAX_BYTES = 1024 * 1024;
/** Of candidates from one look into an index. */
const ENOUGH_COUNT = 1_000;

export interface LogSearchOptions {
  /** One of its own; it is not closed here. */
  reader: LogReader;
  bounds: () => LogBounds;
  folder?: IndexFolder;
  /** Absent where nobody writes the log. */
  openIndex?: Pick<OpenIndex, 'covers' | 'lookUp'>;
  clock: Pick<Clock, 'nowMs'>;
}

/**
 * Searches range by range, the newest first: by index where there is one, else by reading. What an index says is
 * where to look; whether an event is a hit is decided by the event.
 */
export function createLogSearch({ reader, bounds, folder, openIndex, clock }: LogSearchOptions): EventSearch {
  return {
    async find(query, { before = {}, limit }, signal) {
      const { durableEnds, starts } = bounds();
      reader.setDurableEnds(durableEnds);
      reader.setStarts(starts);
      const deadlineMs = clock.nowMs() + PAGE_MS;
      const matches = matcherOf(query);
      const hits: LogRecord[] = [];
      const cursor: Record<number, Position> = {};
      for (const [key, end] of Object.entries(durableEnds)) {
        cursor[Number(key)] = Math.min(before[Number(key)] ?? end, end);
      }
      let unreadable: LogReadError | undefined;

      for (const range of await newestFirst(reader, Object.keys(durableEnds).map(Number))) {
        const { partition } = range;
        const to = Math.min(range.to ?? Infinity, cursor[partition] ?? 0);
        for (const window of windows(range, to, query)) {
          await setImmediate();
          signal.throwIfAborted();
          if (window.read) {
            try {
              for (const record of (await readWindow(range, window.read)).toReversed()) {
                if (!matches(record)) continue;
                hits.push(record);
                cursor[partition] = record.position;
                if (hits.length === limit) return page({ next: cursor });
              }
            } catch (error) {
              if (!(error instanceof LogReadError)) throw error;
              // What was trimmed since is not there.
              if (error.code !== 'trimmed') unreadable ??= error;
            }
          }
          cursor[partition] = window.from;
          if (clock.nowMs() < deadlineMs) continue;
          const searchedToMs = await receivedAt(range, window.from);
          return page({ next: cursor, ...(searchedToMs !== undefined && { searchedToMs }) });
        }
      }
      return page({});

      function page(more: { next?: Record<number, Position>; searchedToMs?: number }) {
        return { hits, ...more, ...(unreadable && { unreadable: unreadable.message }) };
      }
    },
  };

  /** From `to` back to the begin of the range: what to read, and from where on all is searched then. */
  function* windows(range: LogRange, to: Position, query: SearchQuery): Generator<Window> {
    const { fromMs = -Infinity, toMs = Infinity } = query;
    const keys = keysOf(query);
    for (let at = to; at > range.from;) {
      const wanted = { keys, from: range.from, to: at, fromMs, toMs, enough: ENOUGH_COUNT };
      const found = candidates(range, wanted);
      if (!found.positions) {
        const from = Math.max(found.from, at - WINDOW_SPAN);
        yield { read: { from, to: at }, from };
        at = from;
        continue;
      }
      yield* windowsOver(found.positions);
      yield { from: found.from };
      at = found.from;
    }
  }

  /** Without positions, all down to `from` is to be read. */
  function candidates(range: LogRange, query: CandidateQuery): { positions?: Position[]; from: Position } {
    const indexed = folder?.lookUp(range, query);
    if (indexed) return indexed;
    const covered = openIndex?.covers(range.partition);
    if (!covered || covered.from >= query.to || covered.to <= range.from) return { from: range.from };
    if (covered.to < query.to) return { from: covered.to };
    return openIndex!.lookUp(range.partition, { ...query, from: Math.max(query.from, covered.from) });
  }

  async function readWindow({ partition }: LogRange, { from, to }: Span): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for (let at = from; at < to;) {
      const read = await reader.read(partition, at, { maxCount: to - at, maxBytes: WINDOW_MAX_BYTES });
      records.push(...read.filter(({ position }) => position < to));
      at = (read.at(-1)?.position ?? to) + 1;
    }
    return records;
  }

  async function receivedAt({ partition }: LogRange, position: Position): Promise<number | undefined> {
    try {
      return (await reader.read(partition, position, { maxCount: 1, maxBytes: 1 }))[0]?.receivedAtMs;
    } catch (error) {
      if (error instanceof LogReadError) return undefined;
      throw error;
    }
  }
}

interface Span {
  from: Position;
  to: Position;
}

interface Window {
  read?: Span;
  /** All from there on is searched once it is read. */
  from: Position;
}

/** Positions that are near each other are read in one go. */
function* windowsOver(positions: readonly Position[]): Generator<Window> {
  for (let i = 0; i < positions.length;) {
    const to = positions[i]! + 1;
    let from = positions[i]!;
    while (i < positions.length && positions[i]! > to - WINDOW_SPAN) from = positions[i++]!;
    yield { read: { from, to }, from };
  }
}

async function newestFirst(reader: LogReader, partitions: number[]): Promise<LogRange[]> {
  const ranges = await Promise.all(partitions.map((partition) => reader.ranges(partition)));
  return ranges.flat().toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.from - a.from);
}
