import { errorOf, type Settled } from './settlement.ts';

/** What a client has done since it was made. Counts of events, unless said otherwise. */
export interface Done {
  deliveredCount: number;
  /** That were sent and given up, or refused by the server, by code. */
  failedCounts: Readonly<Record<string, number>>;
  /** That were never sent, by code. */
  droppedCounts: Readonly<Record<string, number>>;
  /** Requests that were answered or failed, retries included. */
  requestCount: number;
  /** Requests that were made again. */
  retryCount: number;
}

/** A request that is over: the first for its events, or a retry. */
export interface Attempted {
  /** 1 for the first. */
  number: number;
  eventCount: number;
  tookMs: number;
  /** The status, or the code of the error. */
  result: string;
}

/**
 * Counts what a client does, for `stats()`, and tells it line by line to `write`. The lines hold counts, codes
 * and times, and nothing of the events, of addresses or of keys.
 */
export class Journal {
  #write: ((line: string) => void) | undefined;
  #deliveredCount = 0;
  #failed = new Map<string, number>();
  #dropped = new Map<string, number>();
  #requestCount = 0;
  #retryCount = 0;

  constructor(write: ((line: string) => void) | undefined) {
    this.#write = write;
  }

  attempted({ number, eventCount, tookMs, result }: Attempted): void {
    this.#requestCount += 1;
    if (number > 1) this.#retryCount += 1;
    this.#write?.(
      `request of ${events(eventCount)}, attempt ${number}: ${result} in ${Math.round(tookMs)} ms`,
    );
  }

  retrying(eventCount: number, afterMs: number): void {
    this.#write?.(`retry of ${events(eventCount)} in ${Math.round(afterMs)} ms`);
  }

  settled(settled: Settled): void {
    const { events: settledEvents, error, refused, dropped } = settled;
    if (!error) {
      this.#deliveredCount += settledEvents.length;
      return;
    }
    if (!refused) {
      add(dropped ? this.#dropped : this.#failed, error.code, settledEvents.length);
      this.#write?.(`${dropped ? 'dropped' : 'gave up'} ${events(settledEvents.length)}: ${error.code}`);
      return;
    }
    this.#deliveredCount += settledEvents.length - refused.size;
    for (const index of refused.keys()) add(this.#failed, errorOf(settled, index)!.code, 1);
    this.#write?.(`the server refused ${events(refused.size)}, the first with ${error.code}`);
  }

  /** Events that never got as far as a flush. */
  dropped(code: string, count: number): void {
    add(this.#dropped, code, count);
    this.#write?.(`dropped ${events(count)}: ${code}`);
  }

  get done(): Done {
    return {
      deliveredCount: this.#deliveredCount,
      failedCounts: Object.fromEntries(this.#failed),
      droppedCounts: Object.fromEntries(this.#dropped),
      requestCount: this.#requestCount,
      retryCount: this.#retryCount,
    };
  }
}

function add(counts: Map<string, number>, code: string, count: number): void {
  counts.set(code, (counts.get(code) ?? 0) + count);
}

function events(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}
