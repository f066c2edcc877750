/**
 * A bucket of events that may be sent, for a limit a second. Pure. A whole batch goes as soon as there is one event in the bucket
 * and is paid off afterwards: so batches stay full, and no more is sent over any time than the limit allows for it, one second's
 * worth and a batch.
 */
export interface Bucket {
  /** Below 1: wait. */
  eventCount: number;
  atMs: number;
}

export function fullBucket(eventsPerSecond: number, nowMs: number): Bucket {
  return { eventCount: Math.max(1, eventsPerSecond), atMs: nowMs };
}

export function filled({ eventCount, atMs }: Bucket, eventsPerSecond: number, nowMs: number): Bucket {
  // A clock that was set back fills nothing.
  const gained = (Math.max(0, nowMs - atMs) * eventsPerSecond) / 1_000;
  return { eventCount: Math.min(Math.max(1, eventsPerSecond), eventCount + gained), atMs: nowMs };
}

/** When the next event may go; now or earlier where one may. */
export function opensAtMs({ eventCount, atMs }: Bucket, eventsPerSecond: number): number {
  return eventCount >= 1 ? atMs : atMs + Math.ceil(((1 - eventCount) * 1_000) / eventsPerSecond);
}
