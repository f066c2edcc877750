import type { Ledger, Settlement } from '../ledger/ledger.ts';
import { passingFault } from '../sqlite/index.ts';

/**
 * What is to be written to the ledger. Where that fails for a reason that may pass, such as a full disk, it is kept, in order, and
 * written later: what destinations have answered is not asked again. Whoever commits must stop doing so until then; what is in flight
 * may end meanwhile, and bounds what is kept.
 */
export class Commits {
  readonly #ledger: Pick<Ledger, 'commit'>;
  readonly #waiting: Settlement[] = [];
  #fault: string | undefined;

  constructor(ledger: Pick<Ledger, 'commit'>) {
    this.#ledger = ledger;
  }

  /** Why the ledger cannot be written, safe to show; undefined when all is. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** @throws What will not pass, such as `EpochError`; nothing may be committed any more. */
  commit(settlement: Settlement): void {
    this.#waiting.push(settlement);
    if (this.#fault === undefined) this.retry();
  }

  /** Writes what waits. @throws As `commit`. */
  retry(): void {
    try {
      for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
        this.#ledger.commit(next);
        this.#waiting.shift();
      }
      this.#fault = undefined;
    } catch (error) {
      this.#fault = passingFault(error);
      if (this.#fault === undefined) throw error;
    }
  }
}
