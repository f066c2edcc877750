import { isJsonObject, type JsonObject } from '@millrace/spec';
import type { DeliveryResult, Outcome } from '../destinations/destination.ts';
import type { DeadLetter, Decision, PendingEvent } from '../ledger/ledger.ts';
import type { LaneEvent } from './lane.ts';
import { sentOutcomes } from './unsent.ts';
import { afterFailure, type RetryPolicy } from './retry-policy.ts';

/** `threw`: the code of the destination rejected; whatever it threw is logged by the caller. */
export type Answer = { kind: 'answered'; result: DeliveryResult } | { kind: 'threw' };

/** What becomes of one event of a batch. */
export type Verdict =
  | { kind: 'decided'; decision: Decision; deadLetter?: DeadLetter }
  /** An attempt was spent; to be tried again. */
  | { kind: 'retry'; progress: PendingEvent }
  /** The destination refuses us, not the event: no attempt was spent. */
  | { kind: 'unauthorized'; progress: PendingEvent }
  /** No outcome: to be offered again, as if nothing had been sent. */
  | { kind: 'unspent' };

export interface BatchVerdict {
  /** One for each event of the batch, in order. */
  verdicts: readonly Verdict[];
  /** `delivered`, or the first code that was not; undefined when nothing was attempted. */
  code: string | undefined;
  /** The new state to commit, if the destination returned one. */
  state: JsonObject | undefined;
  /** The answer broke the contract of `Destination`; the whole batch failed for it. */
  fault: string | undefined;
}

export interface BatchContext {
  /** What the destination was given as its state. */
  state: JsonObject | undefined;
  startedAtMs: number;
  nowMs: number;
  /** One draw for the batch, so that what failed together is tried again together. */
  random: number;
  policy: RetryPolicy;
}

const STATE_MAX_BYTES = 4_096;
const RESUME_MAX_BYTES = 1_024;

/** Turns the answer to a batch into a verdict for each of its events. */
export function judge(batch: readonly LaneEvent[], answer: Answer, context: BatchContext): BatchVerdict {
  const fault = answer.kind === 'answered' ? faultOf(answer.result, batch.length, context.state) : undefined;
  if (answer.kind === 'threw' || fault !== undefined) {
    const failed: Outcome = { kind: 'retry', code: 'DESTINATION_FAILED' };
    return {
      verdicts: batch.map((event) => verdictOf(event, failed, context)),
      code: failed.code,
      state: undefined,
      fault,
    };
  }
  const { outcomes, state } = answer.result;
  return {
    verdicts: batch.map((event, index) => {
      const outcome = outcomes[index];
      return outcome ? verdictOf(event, outcome, context) : { kind: 'unspent' };
    }),
    code: outcomes.length === 0 ? undefined : attemptCode(outcomes),
    state,
    fault,
  };
}

export function buried(event: LaneEvent, code: string, attemptCount: number, nowMs: number): Verdict {
  const { position } = event.progress;
  return {
    kind: 'decided',
    decision: { position, outcome: 'dead', code },
    deadLetter: {
      position,
      messageId: event.event.messageId,
      code,
      attemptCount,
      diedAtMs: nowMs,
      event: event.json,
    },
  };
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
      return buried(event, outcome.code, attemptCount, context.nowMs);
    case 'unauthorized':
      return { kind: 'unauthorized', progress: { ...progress, notBeforeMs: 0, code: outcome.code } };
    default:
      return retried(event, outcome, context);
  }
}

function retried(
  event: LaneEvent,
  outcome: Extract<Outcome, { kind: 'retry' }>,
  { startedAtMs, nowMs, random, policy }: BatchContext,
): Verdict {
  const { progress } = event;
  const attemptCount = progress.attemptCount + 1;
  const firstAttemptAtMs = progress.firstAttemptAtMs ?? startedAtMs;
  const retryAfterMs = outcome.afterMs;
  const next = afterFailure({ attemptCount, firstAttemptAtMs, nowMs, retryAfterMs, random }, policy);
  if (next.kind === 'exhausted' && next.atMs <= nowMs) {
    return buried(event, 'RETRIES_EXHAUSTED', attemptCount, nowMs);
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

function attemptCode(outcomes: readonly Outcome[]): string {
  const sent = sentOutcomes(outcomes);
  const other = (sent.length > 0 ? sent : outcomes).find((outcome) => outcome.kind !== 'delivered');
  return other ? other.code : 'delivered';
}

const OUTCOME_KINDS: ReadonlySet<unknown> = new Set<Outcome['kind']>([
  'delivered',
  'filtered',
  'retry',
  'rejected',
  'unauthorized',
]);

/** Destinations are third-party code: what they return is checked like anything from outside. */
function faultOf(
  result: DeliveryResult,
  batchCount: number,
  stateBefore: JsonObject | undefined,
): string | undefined {
  if (!isJsonObject(result) || !Array.isArray(result.outcomes)) return 'no outcomes';
  const { outcomes, state } = result;
  if (!outcomes.every((outcome) => isJsonObject(outcome) && OUTCOME_KINDS.has(outcome['kind']))) {
    return 'an unknown outcome';
  }
  if (outcomes.length > batchCount) return 'more outcomes than events';
  const stateJson = jsonOf(state);
  if (stateJson === undefined || Buffer.byteLength(stateJson) > STATE_MAX_BYTES) {
    return `state that is not JSON of at most ${STATE_MAX_BYTES} bytes`;
  }
  // Offering the same batch again could only get the same answer.
  if (outcomes.length === 0 && (!state || stateJson === jsonOf(stateBefore))) {
    return 'neither an outcome nor a new state';
  }
  for (const outcome of outcomes) {
    const resumeJson = jsonOf(outcome.kind === 'retry' ? outcome.resume : undefined);
    if (resumeJson === undefined || Buffer.byteLength(resumeJson) > RESUME_MAX_BYTES) {
      return `resume that is not JSON of at most ${RESUME_MAX_BYTES} bytes`;
    }
  }
  return undefined;
}

/** Empty for an absent value, undefined for one that JSON cannot hold. */
function jsonOf(value: unknown): string | undefined {
  if (value === undefined) return '';
  try {
    return isJsonObject(value) ? JSON.stringify(value) : undefined;
  } catch {
    return undefined;
  }
}
