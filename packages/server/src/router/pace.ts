/** So many dead letters a second go back to one destination, so that they do not push aside what comes anew. */
export const REVIVE_MAX_COUNT = 10;
const ROUND_MS = 1_000;

/**
 * How many dead letters may be tried again now: so many in each round of a second, shared by what serves one
 * destination. No clock, no effects.
 */
export class Pace {
  #roundStartMs = -Infinity;
  #spentCount = 0;

  left(nowMs: number): number {
    // Set back, the clock would have us wait for as long.
    const isNewRound = nowMs >= this.#roundStartMs + ROUND_MS || nowMs < this.#roundStartMs;
    return isNewRound ? REVIVE_MAX_COUNT : REVIVE_MAX_COUNT - this.#spentCount;
  }

  spend(count: number, nowMs: number): void {
    if (nowMs >= this.#roundStartMs + ROUND_MS || nowMs < this.#roundStartMs) {
      this.#roundStartMs = nowMs;
      this.#spentCount = 0;
    }
    this.#spentCount += count;
  }

  /** When there are some left again. */
  get nextRoundAtMs(): number {
    return this.#roundStartMs + ROUND_MS;
  }
}
