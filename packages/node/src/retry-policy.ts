/** What became of one request, as far as retrying is concerned. */
export type Failure =
  | {
      kind: 'status';
      status: number;
      retryAfterMs: number | undefined;
      /** It refused us, and not the events. */
      isOfAuthorization?: boolean;
    }
  /** No answer: the connection could not be made, broke, or took too long. */
  | { kind: 'unanswered' }
  /** The request could not even be made, as with a malformed host. */
  | { kind: 'unsendable' };

export interface RetryBounds {
  /** Retries after the first attempt. */
  retryCount: number;
  /** From the start of the first attempt. */
  deadlineMs: number;
  /** Whether there is a disk for what cannot be delivered in time, or not by this write key. */
  keeps?: boolean;
}

export interface Attempt {
  /** 1 for the first. */
  number: number;
  /** Since the start of the first. */
  elapsedMs: number;
  /** What the program wants in place of our backoff. */
  backoffMs?: number | undefined;
  /** How often in a row batches were kept before. */
  keptCount?: number;
}

/** `holdMs`: how long the server wants to be left alone, by every batch of this client. */
export type NextStep =
  | { kind: 'retry'; afterMs: number; holdMs: number }
  | { kind: 'fail'; holdMs: number }
  /** Not delivered in time, and to be tried again after `holdMs`. */
  | { kind: 'keep'; holdMs: number };

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 30_000;
const FIRST_PROBE_MS = 1_000;
const MAX_PROBE_MS = 60_000;
/** The longest wait that a server may ask for; Segment's own SDKs cap it at the same. */
export const MAX_RETRY_AFTER_MS = 300_000;

/**
 * What to do about a failed attempt. Backoff doubles from 100 ms to 30 s with full jitter; the last
 * one is cut to end at the deadline. A Retry-After is waited for in full or, when it reaches past
 * the deadline, not at all.
 *
 * With a spool nothing is given up but what the server will not have: what fails until the deadline, and
 * what fails for another reason than the events (the write key, the settings), is kept and tried again, first after about a second and then
 * doubling to a minute. A Retry-After past the deadline is waited for.
 */
export function nextStep(
  failure: Failure,
  attempt: Attempt,
  bounds: RetryBounds,
  random: () => number,
): NextStep {
  const askedMs = failure.kind === 'status' ? failure.retryAfterMs : undefined;
  const keep = (): NextStep => ({
    kind: 'keep',
    holdMs: Math.max(probeMs(attempt.keptCount ?? 0, random), askedMs ?? 0),
  });
  if (bounds.keeps && isNoFaultOfEvents(failure)) return keep();
  if (!isRetryable(failure)) return { kind: 'fail', holdMs: 0 };
  const remainingMs = bounds.deadlineMs - attempt.elapsedMs;
  if (attempt.number > bounds.retryCount || remainingMs <= 0) {
    return bounds.keeps ? keep() : { kind: 'fail', holdMs: askedMs ?? 0 };
  }
  if ((askedMs ?? 0) > remainingMs && !bounds.keeps) return { kind: 'fail', holdMs: askedMs ?? 0 };
  const jitteredMs = Math.min(attempt.backoffMs ?? backoffMs(attempt.number, random), remainingMs);
  return { kind: 'retry', afterMs: Math.max(jitteredMs, askedMs ?? 0), holdMs: askedMs ?? 0 };
}

/** Full jitter: anywhere between nothing and the doubled bound. */
export function backoffMs(attemptNumber: number, random: () => number): number {
  return Math.round(random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attemptNumber - 1)));
}

/** Half of it jitter, so that many clients do not come at once. */
function probeMs(keptCount: number, random: () => number): number {
  return Math.round((0.5 + random() / 2) * Math.min(MAX_PROBE_MS, FIRST_PROBE_MS * 2 ** keptCount));
}

/** A write key that is wrong, revoked, or not known yet; no token to be had; settings that make no request. */
function isNoFaultOfEvents(failure: Failure): boolean {
  if (failure.kind !== 'status') return failure.kind === 'unsendable';
  return failure.isOfAuthorization === true || failure.status === 401 || failure.status === 403;
}

function isRetryable(failure: Failure): boolean {
  if (failure.kind === 'status') return isRetryableStatus(failure.status);
  return failure.kind === 'unanswered';
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

const RETRYABLE_4XX = new Set([408, 410, 429, 460]);
const FINAL_5XX = new Set([501, 505, 511]);

/** The rule of Segment's SDKs; whatever else is refused would be refused again. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_4XX.has(status) || (status >= 500 && status <= 599 && !FINAL_5XX.has(status));
}

/**
 * Retry-After in either form, seconds or an HTTP date (RFC 9110, 10.2.3), as milliseconds from now,
 * at most {@link MAX_RETRY_AFTER_MS}. Undefined when there is none that can be read.
 */
export function parseRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}
