import { crc32 } from 'node:zlib';
import { systemClock, type Clock } from '../clock.ts';
import {
  LogReadError,
  LogWriteError,
  type AppendVerdict,
  type DurableEnds,
  type EventLog,
  type LogRange,
  type LogReader,
  type LogRecord,
  type LogStarts,
  type Partition,
  type Position,
} from './log.ts';

export interface MemoryLogOptions {
  /** Default 1. With more, a source's events are all in one, and positions have gaps. */
  partitionCount?: number;
  /** How many events a range holds before it is sealed. Default 1,000. */
  rangeMaxCount?: number;
  clock?: Pick<Clock, 'nowMs'>;
}

export interface MemoryLog {
  log: EventLog;
  /** One that shares the log's memory, and sees nothing until it is told the durable ends. */
  openReader(): LogReader;
}

/** A log that lasts as long as the process: for tests, and the proof that the interface asks no file. */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLog {
  const { partitionCount = 1, rangeMaxCount = 1000, clock = systemClock } = options;
  if (!Number.isInteger(partitionCount) || partitionCount < 1) {
    throw new RangeError(`partitionCount must be a whole number from 1, not ${partitionCount}`);
  }
  const partitions = Array.from({ length: partitionCount }, (): MemoryPartition => ({
    start: 0,
    records: [],
    ranges: [],
  }));
  const sealedListeners = new Set<(range: LogRange) => void>();
  const messageIds = new Set<string>();
  const listeners = new Set<(ends: DurableEnds) => void>();
  let nextPosition: Position = 0;
  let isClosed = false;

  const durableEnds = (): DurableEnds =>
    Object.fromEntries(partitions.map(({ records }, partition) => [partition, endOf(records)]));

  function add(partition: Partition, record: LogRecord): void {
    const { records, ranges } = partitions[partition]!;
    const last = ranges.at(-1);
    if (!last || last.count === rangeMaxCount) {
      if (last) {
        const sealed = { ...last.range, to: endOf(records) };
        last.range = sealed;
        for (const listener of sealedListeners) queueMicrotask(() => listener(sealed));
      }
      const from = last?.range.to ?? record.position;
      ranges.push({
        count: 0,
        range: { partition, from, to: undefined, createdAtMs: clock.nowMs(), bytes: 0 },
      });
    }
    const { range } = ranges.at(-1)!;
    ranges.at(-1)!.count += 1;
    range.bytes += record.json.length;
    records.push(record);
  }

  const log: EventLog = {
    get durableEnds() {
      return durableEnds();
    },
    async append(events) {
      if (isClosed) throw new LogWriteError('shutting_down', 'the log is closed');
      const verdicts = events.map(({ messageId, ...event }): AppendVerdict => {
        const id = `${event.sourceId}\0${messageId}`;
        if (messageIds.has(id)) return 'duplicate';
        messageIds.add(id);
        const partition = crc32(event.sourceId) % partitionCount;
        add(partition, { partition, position: nextPosition++, ...event });
        return 'appended';
      });
      if (verdicts.includes('appended')) {
        for (const listener of listeners) queueMicrotask(() => listener(durableEnds()));
      }
      return verdicts;
    },
    get starts() {
      return Object.fromEntries(partitions.map(({ start }, partition) => [partition, start]));
    },
    async trim(partition, before) {
      const trimmed = partitions[partition];
      if (!trimmed) return;
      const kept = trimmed.ranges.findIndex(({ range }) => (range.to ?? Infinity) > before);
      trimmed.ranges.splice(0, kept === -1 ? 0 : kept);
      trimmed.start = Math.max(trimmed.start, trimmed.ranges[0]?.range.from ?? 0);
      trimmed.records = trimmed.records.filter(({ position }) => position >= trimmed.start);
    },
    onDurable(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onSealed(listener) {
      sealedListeners.add(listener);
      return () => sealedListeners.delete(listener);
    },
    async close() {
      isClosed = true;
    },
  };
  return { log, openReader: () => memoryReader(partitions) };
}

interface MemoryPartition {
  start: Position;
  records: LogRecord[];
  /** The last one is open. */
  ranges: { range: LogRange; count: number }[];
}

function endOf(records: readonly LogRecord[]): Position {
  return (records.at(-1)?.position ?? -1) + 1;
}

function memoryReader(partitions: readonly MemoryPartition[]): LogReader {
  let ends: DurableEnds = {};
  let starts: LogStarts = {};
  return {
    setDurableEnds(durableEnds) {
      ends = durableEnds;
    },
    setStarts(told) {
      starts = told;
    },
    async read(partition: Partition, from, limit) {
      const end = ends[partition] ?? 0;
      const start = Math.max(starts[partition] ?? 0, partitions[partition]?.start ?? 0);
      if (from > end)
        throw new LogReadError('beyond_end', `position ${from} is beyond the durable end, ${end}`);
      if (from < start) throw new LogReadError('trimmed', `position ${from} is before the start, ${start}`);
      const found: LogRecord[] = [];
      let leftBytes = limit.maxBytes;
      for (const record of partitions[partition]?.records ?? []) {
        if (record.position < from) continue;
        leftBytes -= record.json.length;
        const isFull = found.length >= limit.maxCount || (leftBytes < 0 && found.length > 0);
        if (record.position >= end || isFull) break;
        found.push(record);
      }
      return found;
    },
    async ranges(partition) {
      const end = ends[partition] ?? 0;
      const seen = (partitions[partition]?.ranges ?? []).filter(({ range }) => range.from < end);
      return seen.map(({ range }, i) => ({ ...range, to: seen[i + 1]?.range.from }));
    },
    async close() {},
  };
}
