import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { describeError, type RouterLogger } from './describe-error.ts';

const EVERY_MS = 60_000;

export interface UpkeepOptions {
  ledger: Pick<Ledger, 'prune'>;
  /** How long attempts and decisions are kept. */
  retainMs: number;
  clock: Clock;
  logger: RouterLogger;
  signal: AbortSignal;
}

/**
 * Keeps the ledger small, a little each minute, with deliveries going on between the steps. A ledger that cannot be written
 * is no reason to stop: deliveries notice that themselves, and here it is tried again.
 */
export async function keepLedger({ ledger, retainMs, clock, logger, signal }: UpkeepOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      while (!signal.aborted && ledger.prune(retainMs)) await nextTurn();
    } catch (error) {
      logger.warn(describeError(error), 'the ledger could not be tidied; trying again in a minute');
    }
    await clock.sleep(EVERY_MS, signal);
  }
}
