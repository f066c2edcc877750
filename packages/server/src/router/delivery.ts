import type { Clock } from '../clock.ts';
import type { DeliveryEvent } from '../destinations/destination.ts';
import type { LogReader } from '../log/log.ts';
import { describeError, type RouterLogger } from './describe-error.ts';
import type { LaneEvent } from './lane.ts';
import { readPatiently, unreadableReason, type ReadLog } from './log-access.ts';
import { Progress, type ProgressOptions } from './progress.ts';
import { DEFAULT_RETRY_POLICY, waitsForDeadline, type RetryPolicy } from './retry-policy.ts';
import { buried, judge, type Answer } from './verdicts.ts';

export interface DeliveryOptions extends ProgressOptions {
  reader: LogReader;
  clock: Clock;
  logger: RouterLogger;
  /** Called with each change of state. */
  onState: (state: DeliveryState) => void;
  /** The ledger cannot be written, or is another router's: nothing may be delivered any more. */
  onLedgerError: (error: unknown) => void;
  retryPolicy?: RetryPolicy;
}

export type DeliveryState =
  | { kind: 'running' }
  /** The destination refuses our credentials; until the router restarts. */
  | { kind: 'unauthorized'; code: string }
  /** The log cannot be read where this destination stands, or the ledger cannot be written. */
  | { kind: 'stopped'; reason: string };

const BLOCK_MAX_COUNT = 1_000;
const BLOCK_MAX_BYTES = 2 * 1024 * 1024;
/** How long a stop waits for deliveries in flight, and then for what is left of them once aborted. */
const STOP_GRACE_MS = 10_000;
const ABORT_GRACE_MS = 1_000;
/** The longest wait that a Node timer takes. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Brings the events of one partition to one destination: reads from the cursor on, cuts batches,
 * delivers, and has what became of each committed.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #policy: RetryPolicy;
  readonly #progress: Progress;
  readonly #read: ReadLog;
  readonly #inFlight = new Set<Promise<void>>();
  /** Ends waits for the log. */
  readonly #stopping = new AbortController();
  /** Ends deliveries. */
  readonly #aborting = new AbortController();
  #state: DeliveryState = { kind: 'running' };
  /** A delivery that ends from now on is as if the process had died during it. */
  #closed = false;
  /** At first too: reading once is how a cursor beyond the durable end is noticed. */
  #mayHaveMore = true;
  #sleep: AbortController | undefined;
  #awake = false;
  #loop: Promise<void> | undefined;
  #stop: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#policy = options.retryPolicy ?? DEFAULT_RETRY_POLICY;
    this.#progress = new Progress(options);
    this.#read = readPatiently({ ...options, signal: this.#stopping.signal });
  }

  get state(): DeliveryState {
    return this.#state;
  }

  /** The ledger must hold a cursor for this destination and partition. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** The durable end has moved. */
  notifyDurable(): void {
    this.#mayHaveMore = true;
    this.#wake();
  }

  /** Starts no delivery any more; resolves when those in flight are settled, after 11 s at the latest. */
  stop(): Promise<void> {
    this.#stop ??= this.#drain();
    return this.#stop;
  }

  async #drain(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#loop;
    await this.#inFlightEnded(STOP_GRACE_MS);
    if (this.#inFlight.size > 0) {
      this.#aborting.abort();
      await this.#inFlightEnded(ABORT_GRACE_MS);
    }
    this.#committing(() => this.#progress.commitFiltered());
    this.#closed = true;
  }

  async #inFlightEnded(withinMs: number): Promise<void> {
    const ended = new AbortController();
    const all = Promise.all(this.#inFlight).then(() => ended.abort());
    await Promise.race([all, this.#options.clock.sleep(withinMs, ended.signal)]);
  }

  get #active(): boolean {
    return this.#state.kind === 'running' && !this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    const { clock, logger, destinationId } = this.#options;
    try {
      await this.#progress.restore(this.#read, clock.nowMs());
      while (this.#active) {
        const nextMs = this.#dispatch();
        if (!this.#active) return;
        if (this.#wantsMore()) await this.#readBlock();
        else await this.#rest(nextMs);
      }
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      logger.error({ destinationId, ...describeError(error) }, 'destination stopped');
      this.#halt({ kind: 'stopped', reason: unreadableReason(error) });
    }
  }

  /** Read ahead only as far as keeps every slot busy; the log is the better buffer. */
  #wantsMore(): boolean {
    const { batch, maxConcurrency } = this.#options.destination;
    const { count, bytes } = this.#progress.room;
    const enough = batch.maxCount * maxConcurrency;
    return this.#mayHaveMore && count > 0 && bytes > 0 && this.#progress.readyCount < enough;
  }

  async #readBlock(): Promise<void> {
    const { count, bytes } = this.#progress.room;
    this.#mayHaveMore = false;
    const block = await this.#read(this.#progress.readTo, {
      maxCount: Math.min(count, BLOCK_MAX_COUNT),
      maxBytes: Math.min(bytes, BLOCK_MAX_BYTES),
    });
    if (block.length === 0 || this.#closed) return;
    this.#mayHaveMore = true;
    this.#committing(() => this.#progress.arrive(block, this.#options.clock.nowMs()));
  }

  /** Fills the free slots. Returns when to look again if nothing happens before. */
  #dispatch(): number | undefined {
    const { clock, destination } = this.#options;
    while (this.#active && this.#inFlight.size < destination.maxConcurrency) {
      const next = this.#progress.take(clock.nowMs());
      if (next.kind === 'wait') return next.untilMs;
      const givenUp = next.events.filter((event) => waitsForDeadline(event.progress, this.#policy));
      if (givenUp.length > 0) this.#bury(givenUp);
      const batch =
        givenUp.length > 0 ? next.events.filter((event) => event.phase === 'inFlight') : next.events;
      if (batch.length > 0 && this.#active) this.#launch(batch);
    }
    return undefined;
  }

  /** Events whose deadline has come. */
  #bury(events: readonly LaneEvent[]): void {
    const nowMs = this.#options.clock.nowMs();
    const verdicts = events.map((event) =>
      buried(event, 'RETRIES_EXHAUSTED', event.progress.attemptCount, nowMs),
    );
    this.#committing(() => this.#progress.settle(events, verdicts));
  }

  #launch(batch: readonly LaneEvent[]): void {
    const delivery = this.#deliver(batch).finally(() => {
      this.#inFlight.delete(delivery);
      this.#wake();
    });
    this.#inFlight.add(delivery);
  }

  async #deliver(batch: readonly LaneEvent[]): Promise<void> {
    const { destinationId, clock, logger } = this.#options;
    const startedAtMs = clock.nowMs();
    const state = this.#progress.destinationState;
    const answer = await this.#answerTo(batch);
    if (!answer || this.#closed) return;
    const nowMs = clock.nowMs();
    const random = clock.random();
    const judged = judge(batch, answer, { state, startedAtMs, nowMs, random, policy: this.#policy });
    if (judged.fault)
      logger.warn({ destinationId, fault: judged.fault }, 'the destination broke its contract');
    const positions = batch
      .filter((_, index) => judged.verdicts[index]?.kind !== 'unspent')
      .map((event) => event.progress.position);
    this.#committing(() =>
      this.#progress.settle(batch, judged.verdicts, {
        ...(judged.code !== undefined && {
          attempt: { startedAtMs, durationMs: nowMs - startedAtMs, code: judged.code, positions },
        }),
        ...(judged.state && { state: judged.state }),
      }),
    );
    const refused = judged.verdicts.find((verdict) => verdict.kind === 'unauthorized');
    if (refused) {
      const code = refused.progress.code ?? '';
      logger.warn({ destinationId, code }, 'credentials refused: nothing more is sent before a restart');
      this.#halt({ kind: 'unauthorized', code });
    }
  }

  /** Undefined when our own stop cut it off: no failure, and the events stay as they were. */
  async #answerTo(batch: readonly LaneEvent[]): Promise<Answer | undefined> {
    const { destinationId, destination, logger } = this.#options;
    const { signal } = this.#aborting;
    try {
      const context = { state: this.#progress.destinationState, signal };
      return { kind: 'answered', result: await destination.deliver(batch.map(deliveryEvent), context) };
    } catch (error) {
      if (signal.aborted) return undefined;
      logger.warn({ destinationId, ...describeError(error) }, 'the destination threw');
      return { kind: 'threw' };
    }
  }

  /** Runs a step that ends in a commit; after one that fails nothing may be delivered or committed. */
  #committing(step: () => void): void {
    if (this.#closed) return;
    try {
      step();
    } catch (error) {
      this.#closed = true;
      this.#halt({ kind: 'stopped', reason: 'the ledger cannot be written' });
      this.#options.onLedgerError(error);
    }
  }

  #halt(state: Exclude<DeliveryState, { kind: 'running' }>): void {
    if (this.#state.kind === 'stopped') return;
    this.#state = state;
    this.#options.onState(state);
    this.#wake();
  }

  #wake(): void {
    this.#awake = true;
    // With a reason of our own: the one that Node would make has a stack, which costs 15 µs an event.
    this.#sleep?.abort('awake');
  }

  /** Until the time, or until something has happened since the last rest. */
  async #rest(untilMs: number | undefined): Promise<void> {
    const { clock } = this.#options;
    if (!this.#awake) {
      this.#sleep = new AbortController();
      const delayMs = untilMs === undefined ? FOREVER_MS : Math.max(0, untilMs - clock.nowMs());
      await clock.sleep(Math.min(delayMs, FOREVER_MS), this.#sleep.signal);
      this.#sleep = undefined;
    }
    this.#awake = false;
  }
}

function deliveryEvent({ event, json, progress }: LaneEvent): DeliveryEvent {
  return progress.resume ? { event, json, resume: progress.resume } : { event, json };
}
