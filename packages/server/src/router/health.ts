/**
 * How a destination is doing, by what became of the requests to it. Pure: times and chance come in as numbers.
 * While it is not sound it is asked with one event at a time, at `probeAtMs`, and no attempts are spent.
 */
export type Health =
  /** `resumeAtMs`: after a failure nothing is sent for a moment, which grows with each further one. */
  | { kind: 'sound'; failureCount: number; failingSinceMs: number | undefined; resumeAtMs: number }
  /** Request after request has failed. */
  | { kind: 'failing'; code: string; sinceMs: number; probeAtMs: number; probeCount: number }
  /** It refuses our credentials. */
  | { kind: 'unauthorized'; code: string; sinceMs: number; probeAtMs: number };

export const SOUND: Health = { kind: 'sound', failureCount: 0, failingSinceMs: undefined, resumeAtMs: 0 };

/** What a request says of the destination, whatever it says of its events. */
export type RequestEnd =
  /** It did its work, be it by rejecting an event. */
  | { kind: 'worked' }
  /** For every event: try again later. */
  | { kind: 'failed'; code: string; afterMs?: number | undefined }
  | { kind: 'unauthorized'; code: string };

export interface EndedRequest {
  end: RequestEnd;
  startedAtMs: number;
  nowMs: number;
  /** At least 0, below 1. */
  random: number;
}

/** Sustained: so many requests in a row, over so long. */
const OPEN_AFTER_COUNT = 5;
const OPEN_AFTER_MS = 10_000;
/** A destination that refuses connections would else be tried as fast as it does, at the expense of the others' CPU. */
const PAUSE_FIRST_MS = 10;
const PAUSE_MAX_MS = 1_000;
/** Upper bound of the wait for the first probe; doubles with each further one. The lower bound is half of it. */
const PROBE_FIRST_MS = 5_000;
const PROBE_MAX_MS = 60_000;
/** A longer Retry-After is not believed. */
const PROBE_ASKED_MAX_MS = 4 * 60 * 60_000;
const UNAUTHORIZED_PROBE_MS = 5 * 60_000;

export function afterRequest(health: Health, request: EndedRequest): Health {
  const { end, startedAtMs, nowMs } = request;
  if (end.kind === 'worked') return SOUND;
  // Of those that were on their way when it turned, only what worked is news.
  if (health.kind !== 'sound' && startedAtMs < health.sinceMs) return health;
  if (end.kind === 'unauthorized') {
    const sinceMs = health.kind === 'unauthorized' ? health.sinceMs : nowMs;
    return { kind: 'unauthorized', code: end.code, sinceMs, probeAtMs: nowMs + UNAUTHORIZED_PROBE_MS };
  }
  switch (health.kind) {
    case 'sound': {
      const failureCount = health.failureCount + 1;
      const failingSinceMs = health.failingSinceMs ?? nowMs;
      if (failureCount < OPEN_AFTER_COUNT || nowMs - failingSinceMs < OPEN_AFTER_MS)
        return { kind: 'sound', failureCount, failingSinceMs, resumeAtMs: nowMs + pauseMs(failureCount) };
      const probeAtMs = nextProbeMs(0, end.afterMs, request);
      return { kind: 'failing', code: end.code, sinceMs: nowMs, probeAtMs, probeCount: 0 };
    }
    case 'failing': {
      const probeCount = health.probeCount + 1;
      return {
        ...health,
        code: end.code,
        probeCount,
        probeAtMs: nextProbeMs(probeCount, end.afterMs, request),
      };
    }
    default:
      return { ...health, probeAtMs: nowMs + UNAUTHORIZED_PROBE_MS };
  }
}

function pauseMs(failureCount: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (failureCount - 1));
}

function nextProbeMs(probeCount: number, afterMs = 0, { nowMs, random }: EndedRequest): number {
  const boundMs = Math.min(PROBE_MAX_MS, PROBE_FIRST_MS * 2 ** probeCount);
  const chosenMs = Math.ceil((boundMs / 2) * (1 + random));
  return nowMs + Math.max(chosenMs, Math.min(afterMs, PROBE_ASKED_MAX_MS));
}
