import type { RetryOptions } from '../destinations/destination.ts';

/**
 * When a failed event is tried again, and when it is given up. Pure: clock and chance come in as
 * numbers.
 */
export interface RetryPolicy {
  /** Upper bound of the wait after the first failure; doubles with each further one. */
  firstDelayMs: number;
  /** Upper bound of any wait that we choose ourselves; a Retry-After may ask for more. */
  maxDelayMs: number;
  /** Counted from the beginning of the first attempt. */
  giveUpAfterMs: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  firstDelayMs: 1_000,
  maxDelayMs: 15 * 60_000,
  giveUpAfterMs: 4 * 60 * 60_000,
};

/** What a config says, where it says something. */
export function retryPolicyOf({
  firstDelayMs = DEFAULT_RETRY_POLICY.firstDelayMs,
  maxDelayMs = DEFAULT_RETRY_POLICY.maxDelayMs,
  giveUpAfterMs = DEFAULT_RETRY_POLICY.giveUpAfterMs,
}: RetryOptions = {}): RetryPolicy {
  return { firstDelayMs, maxDelayMs, giveUpAfterMs };
}

export interface FailedAttempt {
  /** Attempts spent, the failed one included: at least 1. */
  attemptCount: number;
  /** When the first attempt began, milliseconds since the epoch. */
  firstAttemptAtMs: number;
  nowMs: number;
  /** How long the destination asked us to stay away, from now on. */
  retryAfterMs?: number | undefined;
  /** At least 0, below 1. */
  random: number;
}

/** `exhausted`: no further attempt; `atMs` is when that becomes final, now or at the deadline. */
export type RetryVerdict = { kind: 'retry'; notBeforeMs: number } | { kind: 'exhausted'; atMs: number };

/**
 * Full jitter (a random part of a bound that doubles), and never earlier than a Retry-After asks.
 * One that points beyond the deadline rules out every further attempt; the event still waits for the
 * deadline before it is given up: the wait fills the lane, so that such an answer costs a bounded
 * number of events and the rest stays in the log, instead of all of them at network speed.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function afterFailure(attempt: FailedAttempt, policy: RetryPolicy): RetryVerdict {
  const deadlineMs = attempt.firstAttemptAtMs + policy.giveUpAfterMs;
  const boundMs = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempt.attemptCount - 1));
  const askedMs = attempt.retryAfterMs !== undefined && attempt.retryAfterMs > 0 ? attempt.retryAfterMs : 0;
  const notBeforeMs = attempt.nowMs + Math.ceil(Math.max(attempt.random * boundMs, askedMs));
  if (notBeforeMs < deadlineMs) return { kind: 'retry', notBeforeMs };
  const forcedToWait = attempt.nowMs + askedMs >= deadlineMs;
  return { kind: 'exhausted', atMs: forcedToWait ? Math.max(deadlineMs, attempt.nowMs) : attempt.nowMs };
}

/**
 * Whether an event waits for its deadline only. Read off its times, so that it survives a restart;
 * an event whose deadline passed while the router was down is not meant: it has an attempt left.
 */
export function waitsForDeadline(
  event: { notBeforeMs: number; firstAttemptAtMs?: number },
  policy: RetryPolicy,
): boolean {
  return (
    event.firstAttemptAtMs !== undefined && event.notBeforeMs >= event.firstAttemptAtMs + policy.giveUpAfterMs
  );
}
