import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EVENT_TYPES, type JsonObject } from '@millrace/spec';
import type { DeliveryEvent, Destination, Outcome } from '../destination.ts';
import { appendAt, cutTo, sizeOf } from './append.ts';
import { FILES_NAME, type FilesSettings } from './settings.ts';

/**
 * Writes events to `<dir>/YYYY-MM-DD.ndjson` by the UTC day on which they were received. The ledger
 * keeps how far the file was written when the last batch was committed, and each write begins by
 * cutting the file there: what a crash left behind it, whole or torn, is written again.
 */
export function createFiles({ dir }: FilesSettings): Destination {
  const fileOf = (day: string): string => join(dir, `${day}.ndjson`);

  /** Bytes that were never committed would be taken for good ones once the state names another day. */
  async function leave(state: FilesState | undefined): Promise<void> {
    // In another folder others may write by now.
    if (state?.dir === dir) await cutTo(fileOf(state.day), state.offset);
  }

  return {
    name: FILES_NAME,
    accepts: EVENT_TYPES,
    storage: true,
    batch: { maxCount: 1_000, maxBytes: 4 * 1024 * 1024, maxWaitMs: 200 },
    maxConcurrency: 1,
    // A write that hangs ends with its disk; a second one beside it would cut what the first writes.
    deliverTimeoutMs: Infinity,
    async deliver(events, context) {
      context.signal.throwIfAborted();
      const state = filesState(context.state);
      const { day, run } = firstDay(events);
      try {
        if (state?.dir === dir && state.day === day) {
          const offset = await appendAt(fileOf(day), state.offset, lines(run));
          return { outcomes: run.map(() => ({ kind: 'delivered' })), state: { dir, day, offset } };
        }
        await leave(state);
        await mkdir(dir, { recursive: true });
        // Committed before a byte is written: only so is it known after a crash what to cut.
        return { outcomes: [], state: { dir, day, offset: await sizeOf(fileOf(day)) } };
      } catch {
        const failed: Outcome = { kind: 'retry', code: 'WRITE_FAILED' };
        return { outcomes: run.map(() => failed) };
      }
    },
  };
}

/** `dir` too: an offset says nothing of the same day's file in another folder. */
interface FilesState {
  dir: string;
  day: string;
  offset: number;
}

function filesState(state: JsonObject | undefined): FilesState | undefined {
  const { dir, day, offset } = state ?? {};
  if (typeof dir !== 'string' || typeof day !== 'string' || typeof offset !== 'number') return undefined;
  return { dir, day, offset };
}

/** The first events up to the one that belongs to another day. */
function firstDay(events: readonly DeliveryEvent[]): { day: string; run: readonly DeliveryEvent[] } {
  const days = events.map(({ event }) => new Date(event.receivedAt).toISOString().slice(0, 10));
  const [day = ''] = days;
  const end = days.findIndex((other) => other !== day);
  return { day, run: end === -1 ? events : events.slice(0, end) };
}

function lines(events: readonly DeliveryEvent[]): Buffer {
  const lineBreak = Buffer.from('\n');
  return Buffer.concat(events.flatMap(({ json }) => [json, lineBreak]));
}
