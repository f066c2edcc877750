/** How many requests at a time a destination seems to bear: one more for a round that worked, half for one that failed. Pure. */
export interface Concurrency {
  /** At least 1. */
  limit: number;
  /** Requests that worked since the limit changed. */
  workedCount: number;
  loweredAtMs: number;
}

export function concurrencyOf(cap: number): Concurrency {
  return { limit: cap, workedCount: 0, loweredAtMs: -Infinity };
}

export function afterWorked({ limit, workedCount, loweredAtMs }: Concurrency, cap: number): Concurrency {
  const isRound = workedCount + 1 >= limit && limit < cap;
  return isRound
    ? { limit: limit + 1, workedCount: 0, loweredAtMs }
    : { limit, workedCount: Math.min(workedCount + 1, cap), loweredAtMs };
}

/** Requests that were on their way when it was lowered say nothing of the lower limit. */
export function afterFailed(
  concurrency: Concurrency,
  { startedAtMs, nowMs }: { startedAtMs: number; nowMs: number },
): Concurrency {
  if (startedAtMs < concurrency.loweredAtMs) return { ...concurrency, workedCount: 0 };
  return { limit: Math.max(1, concurrency.limit >> 1), workedCount: 0, loweredAtMs: nowMs };
}
