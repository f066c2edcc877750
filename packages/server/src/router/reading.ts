import { isJsonObject, type FailureCode, type JsonObject } from '@millrace/spec';
import type { DeliveryResult, Outcome } from '../destinations/destination.ts';
import type { RequestEnd } from './health.ts';
import { sentOutcomes } from './unsent.ts';

/** `threw`: the code of the destination rejected; what it threw is for the log. */
export type Answer =
  | { kind: 'answered'; result: DeliveryResult }
  | { kind: 'threw'; error: unknown }
  /** It was aborted, and what it did is not known. */
  | { kind: 'timedOut' };

/** What the answer to a batch comes to, before anything is made of it. */
export interface Reading {
  /** Of the first events of the batch. */
  outcomes: readonly Outcome[];
  /** The new state to commit, if the destination returned one. */
  state: JsonObject | undefined;
  /** What it says of the destination; undefined when nothing was attempted. */
  end: RequestEnd | undefined;
  /** `delivered`, or the first code that was not; undefined when nothing was attempted. */
  code: string | undefined;
  /** The batch failed as one: one event may be to blame for all. */
  isWhole: boolean;
  /** The answer broke the contract of `Destination`; the whole batch failed for it. */
  fault: string | undefined;
}

const STATE_MAX_BYTES = 4_096;
const RESUME_MAX_BYTES = 1_024;

/** @param state What the destination was given as its state. */
export function read(answer: Answer, batchCount: number, state: JsonObject | undefined): Reading {
  if (answer.kind === 'timedOut') return failedAsOne('DELIVERY_TIMEOUT', batchCount, { isWhole: false });
  if (answer.kind === 'threw') return failedAsOne('DESTINATION_FAILED', batchCount, { isWhole: true });
  const fault = faultOf(answer.result, batchCount, state);
  if (fault !== undefined) return failedAsOne('DESTINATION_FAILED', batchCount, { isWhole: true, fault });
  const { outcomes } = answer.result;
  const sent = sentOutcomes(outcomes);
  const [first] = sent;
  const isRefused =
    first?.kind === 'rejected' &&
    outcomes.length === batchCount &&
    sent.every((outcome) => outcome.kind === 'rejected' && outcome.code === first.code);
  return {
    outcomes,
    state: answer.result.state,
    end: endOf(sent),
    code: outcomes.length === 0 ? undefined : attemptCode(outcomes),
    isWhole: isRefused && sent.length > 1,
    fault: undefined,
  };
}

function failedAsOne(
  code: FailureCode,
  batchCount: number,
  { isWhole, fault }: { isWhole: boolean; fault?: string },
): Reading {
  return {
    outcomes: Array.from({ length: batchCount }, () => ({ kind: 'retry', code })),
    state: undefined,
    end: { kind: 'failed', code },
    code,
    isWhole: isWhole && batchCount > 1,
    fault,
  };
}

function endOf(outcomes: readonly Outcome[]): RequestEnd | undefined {
  const [first] = outcomes;
  if (!first) return undefined;
  const refused = outcomes.find((outcome) => outcome.kind === 'unauthorized');
  if (refused) return { kind: 'unauthorized', code: refused.code };
  const retries = outcomes.filter((outcome) => outcome.kind === 'retry');
  if (first.kind !== 'retry' || retries.length < outcomes.length) return { kind: 'worked' };
  const afterMs = Math.max(0, ...retries.map((retry) => retry.afterMs ?? 0));
  return { kind: 'failed', code: first.code, afterMs };
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
