import type { Clock } from '../clock.ts';
import type { DeliveryEvent, DeliveryResult, Destination } from '../destinations/destination.ts';
import type { JsonObject } from '@millrace/spec';
import type { Answer } from './reading.ts';

/** For a destination that does not say how long it may take. */
export const DEFAULT_DELIVER_TIMEOUT_MS = 120_000;
/** From the abort of a delivery until its slot is given to the next one, whether it has ended or not. */
export const ABORT_GRACE_MS = 1_000;

export interface OfferContext {
  state: JsonObject | undefined;
  /** Aborted when the router stops. */
  signal: AbortSignal;
  clock: Clock;
}

/**
 * Gives a batch to a destination, and comes back whatever its code does: one that takes too long is aborted, and if it then does not
 * end, left to itself. Undefined when our own stop cut it off: no failure, and the events stay as they were.
 */
export async function offer(
  destination: Destination,
  events: readonly DeliveryEvent[],
  { state, signal, clock }: OfferContext,
): Promise<Answer | undefined> {
  const ending = new AbortController();
  const end = (): void => ending.abort(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  const settled = new AbortController();
  const answer = answerOf(() => destination.deliver(events, { state, signal: ending.signal }));
  // With a reason of our own: the one that Node would make has a stack, which costs 15 µs.
  void answer.then(() => settled.abort('settled'));
  try {
    const first = await Promise.race([answer, elapsed(destination.deliverTimeoutMs, clock, settled.signal)]);
    if (first) return first.kind === 'threw' && signal.aborted ? undefined : first;
    ending.abort(new Error('the delivery takes too long'));
    // An outcome that comes now is still the truth; a rejection is our own abort.
    const last = await Promise.race([answer, elapsed(ABORT_GRACE_MS, clock, settled.signal)]);
    return last?.kind === 'answered' ? last : { kind: 'timedOut' };
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function answerOf(deliver: () => Promise<DeliveryResult>): Promise<Answer> {
  try {
    return { kind: 'answered', result: await deliver() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

/** Undefined once the time is over. An answer ends the wait too, and then wins the race: it was there before. */
async function elapsed(
  timeoutMs = DEFAULT_DELIVER_TIMEOUT_MS,
  clock: Clock,
  settled: AbortSignal,
): Promise<undefined> {
  if (timeoutMs === Infinity) await new Promise(() => {});
  await clock.sleep(timeoutMs, settled);
}
