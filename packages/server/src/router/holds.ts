import { Heap } from './heap.ts';

/** How long an event that is tried again may keep back later ones of the same person. */
export interface HoldLimits {
  /** From its first attempt, from the start of the lane, or from the last {@link Holds.restart}. Default 5 minutes. */
  maxMs: number;
  /** Later events of one of its keys. Default 1,000. */
  maxFollowerCount: number;
}

export const DEFAULT_HOLD_LIMITS: HoldLimits = { maxMs: 5 * 60_000, maxFollowerCount: 1_000 };

interface Holding {
  readonly progress: { firstAttemptAtMs?: number };
}

interface Watch<Entry> {
  /** Absent once it is settled: its bytes are not kept for the deadline. */
  entry: Entry | undefined;
  untilMs: number;
}

/** Until when each event in retry may hold others. No clock. */
export class Holds<Entry extends Holding> {
  readonly limits: HoldLimits;
  readonly #watches = new Heap<Watch<Entry>>(({ untilMs }) => untilMs);
  readonly #watched = new Map<Entry, Watch<Entry>>();
  #fromMs = 0;

  constructor(limits: HoldLimits) {
    this.limits = limits;
  }

  /** When there may be overdue ones next. */
  get nextMs(): number | undefined {
    return this.#watches.peek()?.untilMs;
  }

  /** The time until now does not count. */
  restart(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  watch(entry: Entry): void {
    if (this.#watched.has(entry)) return;
    const watch = { entry, untilMs: this.#untilMs(entry) };
    this.#watched.set(entry, watch);
    this.#watches.push(watch);
  }

  forget(entry: Entry): void {
    const watch = this.#watched.get(entry);
    if (watch) watch.entry = undefined;
    this.#watched.delete(entry);
  }

  /** Those whose time is over; they are not watched any more. */
  overdue(nowMs: number): Entry[] {
    const overdue: Entry[] = [];
    for (let top = this.#watches.peek(); top && top.untilMs <= nowMs; top = this.#watches.peek()) {
      this.#watches.pop();
      const { entry } = top;
      if (!entry) continue;
      this.#watched.delete(entry);
      if (this.#untilMs(entry) > nowMs) this.watch(entry);
      else overdue.push(entry);
    }
    return overdue;
  }

  #untilMs({ progress }: Entry): number {
    return Math.max(progress.firstAttemptAtMs ?? 0, this.#fromMs) + this.limits.maxMs;
  }
}
