import type { Clock } from '../clock.ts';
import {
  LogWriteError,
  type EventLog,
  type LogReader,
  type LogStarts,
  type Needs,
  type Partition,
  type Position,
} from './log.ts';
import {
  passedBound,
  planRetention,
  type LogBound,
  type RetentionFacts,
  type RetentionOptions,
} from './retention.ts';

export interface TrimmingOptions {
  log: Pick<EventLog, 'append' | 'durableEnds' | 'starts' | 'trim' | 'onSealed'>;
  /** For the ranges alone; it is told the starts. */
  reader: LogReader;
  retention: RetentionOptions;
  freeDiskBytes: () => Promise<number>;
  /** Undefined: nobody knows, and nothing is given up. */
  needs: () => Needs | undefined;
  /** Up to where a partition may be trimmed, which it says once that outlives power loss. May reject. */
  release: (partition: Partition, before: Position, drop: boolean, signal: AbortSignal) => Promise<Position>;
  /** Called after each trim. */
  onStarts: (starts: LogStarts) => void;
  onNotice: (notice: TrimNotice) => void;
  clock: Clock;
}

export type TrimNotice =
  | { kind: 'trimmed'; partition: Partition; start: Position }
  /** `neededBy`: destinations that hold what is oldest. */
  | { kind: 'refusing'; bound: LogBound; neededBy: string[] }
  | { kind: 'accepting' }
  /** It is tried again, within a minute. */
  | { kind: 'failed'; error: unknown };

export interface TrimmingStatus {
  /** All that the log takes, as last measured. */
  bytes: number;
  /** New events are answered 503 because of it. */
  refusing?: LogBound;
}

export interface Trimming {
  /** The log as the collector sees it: it refuses while a bound is passed. */
  readonly log: Pick<EventLog, 'append'>;
  status(): TrimmingStatus;
  /** Resolves when the log has been looked at once more, from now on. Never rejects. */
  check(): Promise<void>;
  /** Ends after what is under way. */
  stop(): Promise<void>;
}

const CHECK_EVERY_MS = 60_000;
/** While a bound is passed: what heals, heals soon. */
const RECHECK_EVERY_MS = 1_000;

/** Keeps the log within its bounds: gives up what is old, and refuses new events where that is not enough. */
export function startTrimming(options: TrimmingOptions): Trimming {
  const { log, clock, onNotice } = options;
  const stopping = new AbortController();
  let status: TrimmingStatus = { bytes: 0 };
  let isPassed = false;
  let pause = new AbortController();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const check = (): Promise<void> => {
    // One that is under way may have looked already.
    next ??= (running ?? Promise.resolve()).then(() => {
      next = undefined;
      running = run().finally(() => (running = undefined));
      return running;
    });
    return next;
  };

  const run = async (): Promise<void> => {
    const { signal } = stopping;
    if (signal.aborted) return;
    const failed = (error: unknown): false => {
      if (!signal.aborted) onNotice({ kind: 'failed', error });
      return false;
    };
    const isDone = await trimOnce(options, signal).catch(failed);
    await readFacts(options).then((facts) => settle(facts, isDone), failed);
  };

  const settle = (facts: RetentionFacts, isDone: boolean): void => {
    const before = status.refusing;
    const passed = passedBound(facts, options.retention);
    // A look out of turn has found it: the next one is not to wait for its minute.
    if (passed && !isPassed) pause.abort();
    isPassed = passed !== undefined;
    // What has arrived meanwhile, and can be made room for, goes with the next look.
    const refusing = isDone ? planRetention(facts, options.retention).refuse : passed;
    status = { bytes: bytesOf(facts), ...(refusing && { refusing }) };
    if (refusing && refusing !== before)
      onNotice({ kind: 'refusing', bound: refusing, neededBy: neededBy(facts) });
    if (!refusing && before) onNotice({ kind: 'accepting' });
  };

  const keepLooking = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await check();
      if (stopping.signal.aborted) return;
      pause = new AbortController();
      await clock.sleep(isPassed ? RECHECK_EVERY_MS : CHECK_EVERY_MS, pause.signal);
    }
  };

  const unsubscribe = log.onSealed(() => void check());
  const ended = keepLooking();
  return {
    status: () => status,
    check,
    log: {
      async append(events) {
        if (status.refusing) throw new LogWriteError('disk_full', `the log has passed ${status.refusing}`);
        try {
          return await log.append(events);
        } catch (error) {
          if (error instanceof LogWriteError && error.code === 'disk_full') void check();
          throw error;
        }
      },
    },
    async stop() {
      unsubscribe();
      stopping.abort();
      pause.abort();
      await ended;
      await next;
      await running;
    },
  };
}

/** @returns Whether all that can be given up has been. */
async function trimOnce(options: TrimmingOptions, signal: AbortSignal): Promise<boolean> {
  const { log, reader, retention, release, onStarts, onNotice } = options;
  const facts = await readFacts(options);
  if (!options.needs()) return false;
  const plan = planRetention(facts, retention);
  let isDone = true;
  for (const [key, before] of Object.entries(plan.before)) {
    const partition = Number(key);
    const drop = plan.losers.some((loser) => loser.partition === partition);
    const former = log.starts[partition];
    // What is needed is decided before the log is touched: a crash in between has given up what is still there.
    await log.trim(partition, await release(partition, before, drop, signal));
    const start = log.starts[partition] ?? 0;
    if (start < before) isDone = false;
    if (start === former) continue;
    reader.setStarts(log.starts);
    onStarts(log.starts);
    onNotice({ kind: 'trimmed', partition, start });
  }
  return isDone;
}

async function readFacts({
  log,
  reader,
  freeDiskBytes,
  needs,
  clock,
}: TrimmingOptions): Promise<RetentionFacts> {
  const ends = log.durableEnds;
  reader.setDurableEnds(ends);
  const ranges = await Promise.all(Object.keys(ends).map((partition) => reader.ranges(Number(partition))));
  return {
    ranges: ranges.flat(),
    nowMs: clock.nowMs(),
    freeDiskBytes: await freeDiskBytes(),
    needs: needs() ?? {},
  };
}

function bytesOf({ ranges }: RetentionFacts): number {
  return ranges.reduce((sum, range) => sum + range.bytes, 0);
}

/** Who needs something of the oldest range of a partition. */
function neededBy({ ranges, needs }: RetentionFacts): string[] {
  const oldest = ranges.filter((range, i) => ranges[i - 1]?.partition !== range.partition);
  return Object.keys(needs).filter((id) =>
    oldest.some(({ partition, to }) => to !== undefined && (needs[id]?.[partition] ?? Infinity) < to),
  );
}
