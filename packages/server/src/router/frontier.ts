import type { Position } from '../log/log.ts';
import type { Decision, PendingEvent } from '../ledger/ledger.ts';
import type { LaneEvent } from './lane.ts';

/** How far the cursor may move, and what the ledger must be told for it. */
export interface Advance {
  cursor: Position;
  /** Of events that were filtered on reading. */
  decisions: Decision[];
  /** Events that the cursor passes unsettled: held back, or in flight. */
  pending: PendingEvent[];
}

/**
 * The stretch between the committed cursor and the last event read. The cursor follows the outcomes:
 * an event behind which nothing has had an outcome needs no row, and after a crash it is simply read
 * again. So an event that goes straight through is written once.
 */
export class Frontier {
  #readTo: Position;
  /** Nothing at or after this position has had an outcome. */
  #triedTo: Position;
  /** Filtered and not committed, by position. */
  readonly #filtered: Decision[] = [];
  /** Admitted, by position. From the head on, those that are not settled are unknown to the ledger. */
  #admitted: LaneEvent[] = [];
  #headIndex = 0;

  constructor(cursor: Position) {
    this.#readTo = cursor;
    this.#triedTo = cursor;
  }

  /** Where to read on. */
  get readTo(): Position {
    return this.#readTo;
  }

  /** Decisions that wait for a commit. */
  get filteredCount(): number {
    return this.#filtered.length;
  }

  filter(decision: Decision): void {
    this.#filtered.push(decision);
    this.#readTo = decision.position + 1;
  }

  admit(event: LaneEvent): void {
    this.#admitted.push(event);
    this.#readTo = event.progress.position + 1;
  }

  /** The event has had an outcome, or its destination has refused us with it. */
  tried({ progress }: LaneEvent): void {
    this.#triedTo = Math.max(this.#triedTo, progress.position + 1);
  }

  /** Whether filtered events alone can move the cursor without a pending row. */
  isClear(): boolean {
    return this.#firstUnsettled() === undefined;
  }

  /**
   * For the coming commit, which records `recorded` as pending anyway. `everything`: the cursor goes
   * as far as was read, at the price of rows.
   */
  advance(reach: 'tried' | 'everything', recorded: readonly PendingEvent[] = []): Advance {
    const passTo = reach === 'everything' ? this.#readTo : this.#triedTo;
    const known = new Set(recorded.map(({ position }) => position));
    const pending: PendingEvent[] = [];
    let first = this.#firstUnsettled();
    while (first && first.progress.position < passTo) {
      if (!known.has(first.progress.position)) pending.push(first.progress);
      this.#headIndex += 1;
      first = this.#firstUnsettled();
    }
    const cursor = first?.progress.position ?? this.#readTo;
    const behindIndex = this.#filtered.findIndex((decision) => decision.position >= cursor);
    const decisions = this.#filtered.splice(0, behindIndex === -1 ? this.#filtered.length : behindIndex);
    return { cursor, decisions, pending };
  }

  #firstUnsettled(): LaneEvent | undefined {
    while (this.#admitted[this.#headIndex]?.phase === 'settled') this.#headIndex += 1;
    // Now and then, since moving the rest has its price.
    if (this.#headIndex > 256 && this.#headIndex > this.#admitted.length / 2) {
      this.#admitted = this.#admitted.slice(this.#headIndex);
      this.#headIndex = 0;
    }
    return this.#admitted[this.#headIndex];
  }
}
