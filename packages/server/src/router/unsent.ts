import type { Outcome } from '../destinations/destination.ts';

const BEFORE_SENDING: ReadonlySet<string> = new Set(['FILTER_FAILED', 'TRANSFORM_FAILED']);

/**
 * Without the outcomes of events that were never sent: what a filter or a transform made of them says nothing of the
 * destination, nor of a request that failed as a whole.
 */
export function sentOutcomes(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(
    (outcome) =>
      outcome.kind !== 'filtered' && !(outcome.kind === 'rejected' && BEFORE_SENDING.has(outcome.code)),
  );
}
