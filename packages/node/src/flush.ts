import { analyticsError, callProgram, type AnalyticsError } from './errors.ts';
import type { Liveness } from './liveness.ts';
import type { Callback, FlushData } from './outgoing.ts';
import { flushDataOfFence, type Fence, type Settlement } from './settlement.ts';

export interface FlushOptions {
  /** Milliseconds, or a text such as `'10s'`, until the flush rejects with `FLUSH_TIMEOUT`. None by default. */
  timeout?: number | string | undefined;
  /** Drop what is tracked from now on, with the code `CLIENT_CLOSED`, and close the connections. */
  close?: boolean | undefined;
}

export interface Waiting {
  timeoutMs?: number | undefined;
  callback?: Callback | undefined;
  /** Events that it covers and that plugins have still. */
  insideCount: number;
  /** Asked when all is settled: what plugins that look on are still doing about it. */
  lookedOn: () => Promise<unknown> | undefined;
  /** Whether somebody awaits it, so that the process must not end before. */
  holdsProcess: boolean;
  /** Asked at the end: an `errorHandler` has the errors, so the promise does not. */
  errorsAreHandled: () => boolean;
  onSettled?: (data: FlushData | undefined, error: AnalyticsError | undefined) => void;
  onTimeout?: () => void;
}

/**
 * The end of everything that is open now: all of it settled, its callbacks run, then `callback`,
 * then the promise. After a time-out the events stay where they are, and go on being sent.
 */
export function flushed(
  settlement: Settlement,
  liveness: Liveness,
  waiting: Waiting,
): Promise<FlushData | undefined> {
  const { timeoutMs, callback, holdsProcess, errorsAreHandled, onSettled, onTimeout } = waiting;
  const release = holdsProcess ? liveness.hold() : undefined;
  return new Promise((resolve, reject) => {
    let stopTimer: (() => void) | undefined;
    const end = (): void => {
      stopTimer?.();
      release?.();
      const data = flushDataOfFence(fence);
      const { error } = fence;
      onSettled?.(data, error);
      if (callback) callProgram(() => callback(error, data));
      if (error && !errorsAreHandled()) reject(error);
      else resolve(data);
    };
    const fence = settlement.fence(() => {
      const lookedOn = waiting.lookedOn();
      if (lookedOn) void lookedOn.then(end);
      else end();
    }, waiting.insideCount);
    if (timeoutMs === undefined) return;
    stopTimer = liveness.after(timeoutMs, () => {
      release?.();
      settlement.abandon(fence);
      onTimeout?.();
      reject(timeoutError(timeoutMs, fence));
    });
  });
}

function timeoutError(timeoutMs: number, fence: Fence): AnalyticsError {
  const { sentCount, remainingCount } = fence;
  const message = `flush did not finish within ${Math.round(timeoutMs)}ms: ${sentCount} sent, ${remainingCount} remain queued`;
  return analyticsError('FLUSH_TIMEOUT', message, { sentCount, remainingCount });
}
