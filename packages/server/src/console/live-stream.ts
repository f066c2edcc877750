import type { Clock } from '../clock.ts';
import type { EventLog, LogReader } from '../log/log.ts';
import { encodeCursor, type StreamCursor } from './cursor.ts';
import { createDoorbell } from './doorbell.ts';
import { CHUNK, tailStep } from './log-tail.ts';
import { newestPositions } from './log-window.ts';
import type { RefusedRing } from './refused-ring.ts';
import type { ReceivedMessage, RefusedMessage, Status } from './wire.ts';

/** What a new watcher is shown of the past. */
const BACKLOG_COUNT = 200;
/** At most one chunk in this time goes to a watcher: 500 events a second, about what eyes can use. */
const PACE_MS = 200;
const STATUS_EVERY_MS = 1_000;
/** Proxies commonly close a connection that was quiet for 30 to 60 s. */
const KEEP_ALIVE_MS = 15_000;

export interface LiveStreamOptions {
  log: Pick<EventLog, 'durableEnds' | 'starts' | 'onDurable'>;
  reader: LogReader;
  refused: RefusedRing;
  status: () => Status;
  clock: Clock;
  /** Called when part of the log could not be read for a watcher. */
  onReadError: (error: Error) => void;
  /** Where an earlier stream ended; absent: shows the newest events first. */
  resumeFrom: StreamCursor | undefined;
  /** Aborted when the watcher left or the server stops. */
  signal: AbortSignal;
}

/**
 * Server-sent events for one watcher: `status`, `received`, `refused`. The consumer pulls, so a slow
 * one costs a chunk and its socket's buffer; what it misses is counted as skipped. The log is read
 * only while this runs.
 */
export async function* liveStream(options: LiveStreamOptions): AsyncGenerator<string> {
  const { log, reader, refused, clock, signal } = options;
  const doorbell = createDoorbell(clock);
  const undo = [log.onDurable(doorbell.ring), refused.onAdd(doorbell.ring)];
  signal.addEventListener('abort', doorbell.ring);
  try {
    let cursor = startingCursor(options);
    let statusText = '';
    let statusAtMs = -Infinity;
    let sentAtMs = clock.nowMs();
    yield 'retry: 1000\n\n';
    while (!signal.aborted) {
      const frames: string[] = [];
      if (clock.nowMs() - statusAtMs >= STATUS_EVERY_MS) {
        const text = JSON.stringify(options.status());
        statusAtMs = clock.nowMs();
        if (text !== statusText) frames.push(frame('status', text, cursor));
        statusText = text;
      }
      const step = await tailStep(reader, log, cursor.positions);
      if (step.error) options.onReadError(step.error);
      cursor = { ...cursor, positions: step.positions };
      if (step.events.length > 0 || step.skippedCount > 0) {
        const message: ReceivedMessage = { events: step.events, skippedCount: step.skippedCount };
        frames.push(frame('received', JSON.stringify(message), cursor));
      }
      const refusals = refused.after(cursor.refused.seq, CHUNK.maxCount);
      cursor = { ...cursor, refused: { runId: refused.runId, seq: refusals.lastSeq } };
      if (refusals.events.length > 0 || refusals.lostCount > 0) {
        const message: RefusedMessage = { events: refusals.events, skippedCount: refusals.lostCount };
        frames.push(frame('refused', JSON.stringify(message), cursor));
      }
      if (frames.length === 0 && clock.nowMs() - sentAtMs >= KEEP_ALIVE_MS) frames.push(': keep-alive\n\n');
      if (frames.length > 0) {
        sentAtMs = clock.nowMs();
        yield frames.join('');
      }
      await clock.sleep(PACE_MS, signal);
      if (step.caughtUp && cursor.refused.seq === refused.lastSeq) await doorbell.wait(STATUS_EVERY_MS);
    }
  } finally {
    for (const stop of undo) stop();
    signal.removeEventListener('abort', doorbell.ring);
  }
}

function startingCursor({ log, refused, resumeFrom }: LiveStreamOptions): StreamCursor {
  const { runId, lastSeq } = refused;
  if (!resumeFrom) {
    const seq = Math.max(0, lastSeq - BACKLOG_COUNT);
    return { positions: newestPositions(log, BACKLOG_COUNT), refused: { runId, seq } };
  }
  // A number of an earlier run says nothing about this one, whose refusals are all new to the watcher.
  const seq = resumeFrom.refused.runId === runId ? Math.min(resumeFrom.refused.seq, lastSeq) : 0;
  return { positions: resumeFrom.positions, refused: { runId, seq } };
}

/** The data is JSON, which holds no line break: one `data:` line. */
function frame(name: string, data: string, cursor: StreamCursor): string {
  return `id: ${encodeCursor(cursor)}\nevent: ${name}\ndata: ${data}\n\n`;
}
