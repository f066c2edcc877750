import { LIBRARY_CODES, type LibraryCode } from '@millrace/spec';
import { soon } from './clock.ts';
import { analyticsError, callProgram, type AnalyticsError } from './errors.ts';
import type { Callback } from './outgoing.ts';

/**
 * Events that are dropped without a request. Each has its callback called, but a program in
 * overload drops thousands in one tick, so the client's own error is reported once a tick and code.
 */
export class Refusals {
  #onError: (error: AnalyticsError) => void;
  #onDropped: (code: LibraryCode, count: number) => void;
  #errors = new Map<LibraryCode, AnalyticsError>();
  /** Those of this tick. */
  #counts = new Map<LibraryCode, number>();

  /** @param onDropped told once a tick and code how many were refused. */
  constructor(
    onError: (error: AnalyticsError) => void,
    onDropped: (code: LibraryCode, count: number) => void,
  ) {
    this.#onError = onError;
    this.#onDropped = onDropped;
  }

  refuse(code: LibraryCode, callback: Callback | undefined): void {
    const error = this.error(code);
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    if (callback) soon(callProgram, () => callback(error));
  }

  /** The error of this tick, on its way to the program. */
  error(code: LibraryCode): AnalyticsError {
    const known = this.#errors.get(code);
    if (known) return known;
    const error = analyticsError(code, LIBRARY_CODES[code]);
    this.#errors.set(code, error);
    soon(() => {
      this.#errors.delete(code);
      const count = this.#counts.get(code) ?? 0;
      this.#counts.delete(code);
      if (count > 0) this.#onDropped(code, count);
      this.#onError(error);
    });
    return error;
  }
}
