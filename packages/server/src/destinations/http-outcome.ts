import { httpStatusCode } from '@millrace/spec';
import type { Outcome } from './destination.ts';

/**
 * What an HTTP status says of the events that were sent. Redirects are not followed: one that is
 * answered to a POST names another place than the one configured.
 *
 * @param retryAfter The header as it came, if it did.
 * @param nowMs By our clock; for a Retry-After that names a date.
 */
export function httpOutcome(status: number, retryAfter: string | undefined, nowMs: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const code = httpStatusCode(status);
  if (status === 401 || status === 403) return { kind: 'unauthorized', code };
  if (!isWorthRetrying(status)) return { kind: 'rejected', code };
  const afterMs = retryAfterMs(retryAfter, nowMs);
  return { kind: 'retry', code, ...(afterMs !== undefined && { afterMs }) };
}

/** Time-out, Locked, Too Many Requests, and what is wrong at their end, except Not Implemented. */
function isWorthRetrying(status: number): boolean {
  return status === 408 || status === 423 || status === 429 || (status >= 500 && status !== 501);
}

const WEEKDAY_FIRST = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * A Retry-After header in milliseconds from now, or undefined when it is absent or makes no sense.
 * Source: RFC 9110, 10.2.3 (seconds or a date) and 5.6.7 (three forms of a date, all in GMT).
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  if (!WEEKDAY_FIRST.test(value)) return undefined;
  const atMs = Date.parse(value.endsWith(' GMT') ? value : `${value} GMT`);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
