import { isJsonObject, type JsonObject } from '@millrace/spec';
import type { Outcome } from '../destinations/destination.ts';
import type { DeadLetter } from '../ledger/dead-letters.ts';
import type { Decision, PendingEvent } from '../ledger/ledger.ts';
import { eventNameOf } from './event-name.ts';
import type { LaneEvent } from './lane.ts';
import type { Reading } from './reading.ts';
import { sentOutcomes } from './unsent.ts';
import { afterFailure, type RetryPolicy } from './retry-policy.ts';

/** What becomes of one event of a batch. */
export type Verdict =
  | { kind: 'decided'; decision: Decision; deadLetter?: DeadLetter }
  /** An attempt was spent; to be tried again. */
  | { kind: 'retry'; progress: PendingEvent }
  /** The destination refuses us, not the event: no attempt was spent. */
  | { kind: 'unauthorized'; progress: PendingEvent }
  /** No outcome: to be offered again, as if nothing had been sent. */
  | { kind: 'unspent' };

export interface BatchContext {
  startedAtMs: number;
  nowMs: number;
  /** One draw for the batch, so that what failed together is tried again together. */
  random: number;
  policy: RetryPolicy;
  /** A probe that failed spends no attempt; its event steps back behind the next probe, so that another one gets its turn. */
  nextProbeMs?: number | undefined;
}

const EXCHANGE_MAX_BYTES = 4_096;

/** A verdict for each event of the batch. A batch that was rejected as one is offered again, in parts. */
export function verdictsOf(
  batch: readonly LaneEvent[],
  { outcomes, isWhole }: Reading,
  context: BatchContext,
): Verdict[] {
  return batch.map((event, index) => {
    const outcome = outcomes[index];
    const isOffered = isWhole && outcome?.kind === 'rejected' && sentOutcomes([outcome]).length > 0;
    if (!outcome || isOffered) return { kind: 'unspent' };
    return verdictOf(event, outcome, context);
  });
}

export function buried(
  event: LaneEvent,
  code: string,
  attemptCount: number,
  nowMs: number,
  exchange?: JsonObject,
): Verdict {
  const { position } = event.progress;
  const eventName = eventNameOf(event.event);
  return {
    kind: 'decided',
    decision: { position, outcome: 'dead', code },
    deadLetter: {
      position,
      messageId: event.event.messageId,
      ...(eventName !== undefined && { eventName }),
      code,
      attemptCount,
      diedAtMs: nowMs,
      event: event.json,
      ...(exchange && { exchange }),
    },
  };
}

/** For people only: what breaks its bound is left out, and is no reason to fail the batch. */
function keptExchange(exchange: unknown): JsonObject | undefined {
  const json = jsonOf(exchange);
  if (!json || Buffer.byteLength(json) > EXCHANGE_MAX_BYTES) return undefined;
  return JSON.parse(json) as JsonObject;
}

function verdictOf(event: LaneEvent, outcome: Outcome, context: BatchContext): Verdict {
  const { progress } = event;
  const { position } = progress;
  const attemptCount = progress.attemptCount + 1;
  switch (outcome.kind) {
    case 'delivered':
      return { kind: 'decided', decision: { position, outcome: 'delivered', code: '' } };
    case 'filtered':
      return { kind: 'decided', decision: { position, outcome: 'filtered', code: outcome.code } };
    case 'rejected':
      return buried(event, outcome.code, attemptCount, context.nowMs, keptExchange(outcome.exchange));
    case 'unauthorized':
      return { kind: 'unauthorized', progress: { ...progress, notBeforeMs: 0, code: outcome.code } };
    default:
      return retried(event, outcome, context);
  }
}

function retried(
  event: LaneEvent,
  outcome: Extract<Outcome, { kind: 'retry' }>,
  { startedAtMs, nowMs, random, policy, nextProbeMs }: BatchContext,
): Verdict {
  const { progress } = event;
  if (nextProbeMs !== undefined) return probed(event, outcome, { nowMs, policy, nextProbeMs });
  const attemptCount = progress.attemptCount + 1;
  const firstAttemptAtMs = progress.firstAttemptAtMs ?? startedAtMs;
  const retryAfterMs = outcome.afterMs;
  const next = afterFailure({ attemptCount, firstAttemptAtMs, nowMs, retryAfterMs, random }, policy);
  if (next.kind === 'exhausted' && next.atMs <= nowMs) {
    return buried(event, 'RETRIES_EXHAUSTED', attemptCount, nowMs, keptExchange(outcome.exchange));
  }
  const notBeforeMs = next.kind === 'retry' ? next.notBeforeMs : next.atMs;
  // A failure that says nothing of it leaves as much to do as there was before.
  const resume = outcome.resume ?? progress.resume;
  return {
    kind: 'retry',
    progress: {
      position: progress.position,
      attemptCount,
      firstAttemptAtMs,
      notBeforeMs,
      code: outcome.code,
      ...(resume && { resume }),
    },
  };
}

function probed(
  event: LaneEvent,
  outcome: Extract<Outcome, { kind: 'retry' }>,
  { nowMs, policy, nextProbeMs }: { nowMs: number; policy: RetryPolicy; nextProbeMs: number },
): Verdict {
  const { progress } = event;
  const notBeforeMs = nextProbeMs + 1;
  const deadlineMs = (progress.firstAttemptAtMs ?? Infinity) + policy.giveUpAfterMs;
  if (notBeforeMs >= deadlineMs) {
    const exchange = keptExchange(outcome.exchange);
    return buried(event, 'RETRIES_EXHAUSTED', progress.attemptCount, nowMs, exchange);
  }
  const resume = outcome.resume ?? progress.resume;
  return {
    kind: 'retry',
    progress: { ...progress, notBeforeMs, code: outcome.code, ...(resume && { resume }) },
  };
}

/** Undefined for what JSON cannot hold. */
function jsonOf(value: unknown): string | undefined {
  try {
    return isJsonObject(value) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}
