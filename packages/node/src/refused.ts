import { REFUSAL_CODES } from '@millrace/spec';
import type { Outcome } from './backlog.ts';
import { refusalError, type AnalyticsError } from './errors.ts';
import type { Verdict } from './transport/verdicts.ts';

/** The server has the event from an earlier attempt, whose answer did not reach us. */
const ALREADY_DELIVERED = 'duplicate';

/** Of a batch that was answered 200: no error, unless the answer says that events in it were refused. */
export function outcomeOf(verdicts: readonly Verdict[] | undefined, eventCount: number): Outcome {
  if (!verdicts) return { error: undefined };
  const refused = new Map<number, AnalyticsError>();
  for (const { index, code } of verdicts) {
    if (index < eventCount && code !== ALREADY_DELIVERED)
      refused.set(index, refusalError(code, wordsOf(code)));
  }
  const [first] = refused.values();
  if (!first) return { error: undefined };
  const message = `the server refused ${refused.size} of ${eventCount} events, the first because ${first.message}`;
  return { error: refusalError(first.code, message), refused };
}

function wordsOf(code: string): string {
  return Object.hasOwn(REFUSAL_CODES, code)
    ? REFUSAL_CODES[code as keyof typeof REFUSAL_CODES]
    : `the server says ${code}`;
}
