import { REFUSAL_CODES } from '@millrace/spec';
import type { Refusal } from '../collector/refusal.ts';
import type { EventCounts, RefusedEvent } from './wire.ts';

export interface RefusedRingOptions {
  /** Tells one run of the server from another; unique among runs, digits only. */
  runId: string;
  /** Default 500. */
  maxCount?: number;
  /** Bound on the events' JSON in bytes; default 4 MB. A larger event is kept without its body. */
  maxBytes?: number;
}

export interface RefusedRing {
  readonly runId: string;
  /** Number of the newest refusal; the first one has 1. */
  readonly lastSeq: number;
  add(refusal: Refusal): void;
  /** Those numbered above `seq`, oldest first, and how many of them the ring has already let go. */
  after(seq: number, maxCount: number): { events: RefusedEvent[]; lastSeq: number; lostCount: number };
  /** Exact since the start, whatever the ring still holds. */
  counts(): Omit<EventCounts, 'receivedCount'>;
  /** Calls the listener after each `add`. Returns the way to stop. */
  onAdd(listener: () => void): () => void;
}

/** The newest refused events and duplicates, in memory. Bounded in count and bytes. */
export function createRefusedRing(options: RefusedRingOptions): RefusedRing {
  const { runId, maxCount = 500, maxBytes = 4 * 1024 * 1024 } = options;
  const kept: Refusal[] = [];
  const countByCode = new Map<string, number>();
  const listeners = new Set<() => void>();
  let keptBytes = 0;
  let lastSeq = 0;

  return {
    runId,
    get lastSeq() {
      return lastSeq;
    },
    add(refusal) {
      lastSeq += 1;
      countByCode.set(refusal.code, (countByCode.get(refusal.code) ?? 0) + 1);
      const entry = bodyBytes(refusal) > maxBytes ? withoutBody(refusal) : refusal;
      kept.push(entry);
      keptBytes += bodyBytes(entry);
      while (kept.length > maxCount || keptBytes > maxBytes) keptBytes -= bodyBytes(kept.shift()!);
      for (const listener of listeners) listener();
    },
    after(seq, maxCount) {
      const oldestSeq = lastSeq - kept.length + 1;
      const fromSeq = Math.max(seq + 1, oldestSeq);
      const start = fromSeq - oldestSeq;
      const events = kept.slice(start, start + maxCount).map(toRefusedEvent);
      return { events, lastSeq: fromSeq - 1 + events.length, lostCount: fromSeq - 1 - seq };
    },
    counts() {
      const { duplicate = 0, ...refused } = Object.fromEntries(countByCode);
      const refusedCount = Object.values(refused).reduce((sum, count) => sum + count, 0);
      return { duplicateCount: duplicate, refusedCount, refused };
    },
    onAdd(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function bodyBytes(refusal: Refusal): number {
  return refusal.event === undefined ? 0 : refusal.sizeBytes;
}

function withoutBody(refusal: Refusal): Refusal {
  const bare = { ...refusal };
  delete bare.event;
  return bare;
}

function toRefusedEvent({ event, ...refusal }: Refusal): RefusedEvent {
  return {
    kind: 'refused',
    ...refusal,
    reason: REFUSAL_CODES[refusal.code],
    ...(event === undefined ? {} : { json: JSON.stringify(event) }),
  };
}
