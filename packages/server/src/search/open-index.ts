import type { Clock } from '../clock.ts';
import type { DurableEnds, EventLog, LogReader, Partition, Position } from '../log/log.ts';
import {
  BlockBuilder,
  offsetsInSorted,
  offsetsInUnsorted,
  overlaps,
  positionsIn,
  type BlockBounds,
} from './block.ts';
import { fieldsOf, keysOf } from './keys.ts';
import type { CandidateQuery, Candidates } from './search.ts';

const SLICE = { maxCount: 200, maxBytes: 128 * 1024 };
/** After a slice that took 1 ms the process has 9 for other things. */
const PAUSE_FACTOR = 9;
const MIN_PAUSE_MS = 20;
/** Some 1.3 million events; what is older is read instead. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

export interface OpenIndexOptions {
  log: Pick<EventLog, 'durableEnds' | 'onDurable' | 'onSealed'>;
  /** One of its own; it is not closed here. */
  reader: LogReader;
  clock: Pick<Clock, 'sleep'>;
  maxBytes?: number;
}

/** What is in memory, for the newest range and the one before it. */
export interface OpenIndex {
  /** What is indexed of a partition; undefined for nothing. */
  covers(partition: Partition): { from: Position; to: Position } | undefined;
  /** Of what it covers. */
  lookUp(partition: Partition, query: CandidateQuery): Candidates;
  stop(): Promise<void>;
}

interface SortedBlock {
  bounds: BlockBounds;
  entries: Float64Array;
}

interface Covered {
  from: Position;
  to: Position;
  sorted: SortedBlock[];
  growing: BlockBuilder | undefined;
}

/** Follows the durable end, in slices, beside the appends and never before them. */
export function followLog({ log, reader, clock, maxBytes = DEFAULT_MAX_BYTES }: OpenIndexOptions): OpenIndex {
  const stopping = new AbortController();
  const { signal } = stopping;
  const partitions = new Map<Partition, Covered>();
  let wake: (() => void) | undefined;

  const stopListening = [
    log.onDurable(() => wake?.()),
    // The one before it has its file by now.
    log.onSealed(({ partition, from }) => {
      const covered = partitions.get(partition);
      if (!covered) return;
      while ((covered.sorted[0]?.bounds.to ?? Infinity) <= from) dropOldest(covered);
    }),
  ];
  signal.addEventListener('abort', () => wake?.());

  async function work(): Promise<void> {
    while (!signal.aborted) {
      const ends = log.durableEnds;
      reader.setDurableEnds(ends);
      let isBehind = false;
      let busyMs = 0;
      for (const partition of Object.keys(ends).map(Number)) {
        const slice = await advance(partition, ends);
        isBehind ||= slice.isBehind;
        busyMs += slice.busyMs;
      }
      await clock.sleep(Math.max(MIN_PAUSE_MS, busyMs * PAUSE_FACTOR), signal);
      if (!isBehind && !signal.aborted && isEqual(ends, log.durableEnds)) {
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
    }
  }

  async function advance(
    partition: Partition,
    ends: DurableEnds,
  ): Promise<{ isBehind: boolean; busyMs: number }> {
    const end = ends[partition] ?? 0;
    let covered = partitions.get(partition);
    try {
      if (!covered) {
        const newest = (await reader.ranges(partition)).at(-1);
        if (!newest) return { isBehind: false, busyMs: 0 };
        covered = { from: newest.from, to: newest.from, sorted: [], growing: undefined };
        partitions.set(partition, covered);
      }
      if (covered.to >= end) return { isBehind: false, busyMs: 0 };
      const records = await reader.read(partition, covered.to, SLICE);
      const startedMs = performance.now();
      for (const record of records)
        add(covered, record.position, record.receivedAtMs, keysOf(fieldsOf(record)));
      covered.to = records.length > 0 ? records.at(-1)!.position + 1 : end;
      return { isBehind: covered.to < end, busyMs: performance.now() - startedMs };
    } catch {
      // Damaged, or trimmed meanwhile: those who search find out what it is. Here it goes on behind it.
      partitions.set(partition, { from: end, to: end, sorted: [], growing: undefined });
      return { isBehind: false, busyMs: 0 };
    }
  }

  function add(covered: Covered, position: Position, receivedAtMs: number, keys: number[]): void {
    if (covered.growing && !covered.growing.takes(position)) {
      covered.sorted.push({ bounds: covered.growing.bounds, entries: covered.growing.sorted() });
      covered.growing = undefined;
      while (bytesOf(covered) > maxBytes) dropOldest(covered);
    }
    covered.growing ??= new BlockBuilder(position);
    covered.growing.add(position, receivedAtMs, keys);
  }

  const running = work();
  return {
    covers(partition) {
      const covered = partitions.get(partition);
      return covered && covered.to > covered.from ? { from: covered.from, to: covered.to } : undefined;
    },
    lookUp(partition, query) {
      const { sorted = [], growing } = partitions.get(partition) ?? {};
      const positions: Position[] = [];
      if (growing && overlaps(growing.bounds, query)) {
        const { bounds, entries } = growing;
        positions.push(...positionsIn(bounds, query, (key) => offsetsInUnsorted(entries, key)));
        if (positions.length >= query.enough) return { positions, from: Math.max(bounds.first, query.from) };
      }
      for (const { bounds, entries } of sorted.toReversed()) {
        if (!overlaps(bounds, query)) continue;
        positions.push(...positionsIn(bounds, query, (key) => offsetsInSorted(entries, key)));
        if (positions.length >= query.enough) return { positions, from: Math.max(bounds.first, query.from) };
      }
      return { positions, from: query.from };
    },
    async stop() {
      for (const stop of stopListening) stop();
      stopping.abort();
      await running;
    },
  };
}

function dropOldest(covered: Covered): void {
  const dropped = covered.sorted.shift();
  if (dropped) covered.from = dropped.bounds.to;
}

function bytesOf({ sorted }: Covered): number {
  return sorted.reduce((sum, { entries }) => sum + entries.byteLength, 0);
}

function isEqual(a: DurableEnds, b: DurableEnds): boolean {
  return Object.entries(b).every(([partition, end]) => a[Number(partition)] === end);
}
