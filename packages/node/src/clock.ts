export { soon } from './platform.ts';

/** Node runs a timer that is to wait longer after one millisecond. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A running timer, which may or may not hold the process. */
export interface Timer {
  ref(): void;
  unref(): void;
  cancel(): void;
}

export interface Clock {
  /** The time of day, for stamps. */
  readonly nowMs: () => number;
  /** Never goes back, for durations. */
  readonly monotonicMs: () => number;
  readonly start: (afterMs: number, done: () => void) => Timer;
}

/**
 * The globals are looked up at each call, so that a test's fake timers work on clients made before;
 * such timers, and those of jsdom, may be plain numbers.
 */
export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    start: (afterMs, done) => {
      const timer: Partial<NodeJS.Timeout> = setTimeout(done, Math.min(afterMs, MAX_TIMER_MS));
      return {
        ref: () => void timer.ref?.(),
        unref: () => void timer.unref?.(),
        cancel: () => clearTimeout(timer as NodeJS.Timeout),
      };
    },
  };
}
