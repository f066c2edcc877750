import type { FailureCode, LibraryCode } from '@millrace/spec';
import { throwLater } from './platform.ts';

/**
 * What callbacks, `errorHandler`, `on('error')` and the promise of `flush` are given.
 * `code` is one of ours, the server's for a single event that it refused, or the system's
 * (`ECONNREFUSED` …) when the request never got an answer.
 */
export interface AnalyticsError extends Error {
  code: string;
  /** The refusing answer, where there was one; as axios has it, which analytics-node handed on. */
  response?: { status: number; statusText: string };
  /** With `FLUSH_TIMEOUT`: events that were delivered, of those that the flush covers. */
  sentCount?: number;
  /** With `FLUSH_TIMEOUT`: events that are still queued, retried or in flight. */
  remainingCount?: number;
}

/** Node's code for a failed assertion: analytics-node checks the arguments of a call with `assert`. */
const ASSERTION = 'ERR_ASSERTION';

export function analyticsError(
  code: LibraryCode | FailureCode | 'ECONNABORTED' | typeof ASSERTION,
  message: string,
  details: Partial<Pick<AnalyticsError, 'cause' | 'response' | 'sentCount' | 'remainingCount'>> = {},
): AnalyticsError {
  return Object.assign(new Error(message), { code, ...details });
}

/** For an event, or events of a batch, that the server refused although it took the batch. The codes are the server's. */
export function refusalError(code: string, message: string): AnalyticsError {
  return Object.assign(new Error(message), { code });
}

/** For what the program itself got wrong. */
export function usageError(message: string, cause?: unknown): AnalyticsError {
  return analyticsError(ASSERTION, message, cause === undefined ? {} : { cause });
}

export function optionError(name: string, expected: string, found: unknown): AnalyticsError {
  return usageError(
    `The option "${name}" must be ${expected}; found ${JSON.stringify(found) ?? typeof found}.`,
  );
}

/** Whatever was thrown, as an error with a code. */
export function asAnalyticsError(thrown: unknown): AnalyticsError {
  if (thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string') {
    return thrown as AnalyticsError;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return analyticsError('NETWORK_ERROR', message, { cause: thrown });
}

/**
 * Calls into the program. What it throws must neither stop what we are doing nor get lost, so it
 * surfaces as an uncaught exception on the next tick, as if the program had been called by itself.
 */
export function callProgram(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    throwLater(error);
  }
}
