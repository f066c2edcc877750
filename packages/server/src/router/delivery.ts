import type { Clock } from '../clock.ts';
import type { DeliveryEvent } from '../destinations/destination.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LogReader } from '../log/log.ts';
import { Commits } from './commits.ts';
import { passingFault } from '../sqlite/index.ts';
import { describeError, type RouterLogger } from './describe-error.ts';
import type { LaneEvent } from './lane.ts';
import { readPatiently, unreadableReason, type ReadLog } from './log-access.ts';
import { isSame, logChange, stateOf, type DeliveryState } from './delivery-state.ts';
import { ABORT_GRACE_MS, offer } from './offer.ts';
import { Pacing } from './pacing.ts';
import { Pace } from './pace.ts';
import { Progress, type ProgressOptions } from './progress.ts';
import { DEFAULT_RETRY_POLICY, waitsForDeadline, type RetryPolicy } from './retry-policy.ts';
import { read, type Answer, type Reading } from './reading.ts';
import { buried, verdictsOf } from './verdicts.ts';

export interface DeliveryOptions extends Omit<ProgressOptions, 'commit'> {
  ledger: Ledger;
  reader: LogReader;
  clock: Clock;
  logger: RouterLogger;
  /** Called with each change of state. */
  onState: (state: DeliveryState) => void;
  /** The ledger cannot be written, or is another router's: nothing may be delivered any more. */
  onLedgerError: (error: unknown) => void;
  retryPolicy?: RetryPolicy;
  /** Default: as many as the destination takes. */
  eventsPerSecond?: number | undefined;
  /** At which dead letters go back to the destination; shared by its partitions. */
  pace?: Pace;
}

const BLOCK_MAX_COUNT = 1_000;
const BLOCK_MAX_BYTES = 2 * 1024 * 1024;
/** How long a stop waits for deliveries in flight, and then for what is left of them once aborted. */
const STOP_GRACE_MS = 10_000;
/** Between two tries to write a ledger that cannot be written. */
const COMMIT_RETRY_MS = 1_000;
/** The longest wait that a Node timer takes. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Brings the events of one partition to one destination: reads from the cursor on, cuts batches,
 * delivers, and has what became of each committed.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #policy: RetryPolicy;
  readonly #commits: Commits;
  readonly #pacing: Pacing;
  readonly #progress: Progress;
  readonly #pace: Pace;
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
  /** Of some dead letters a retry may have been asked, before we started too. */
  #mayHaveAsked = true;
  #sleep: AbortController | undefined;
  #awake = false;
  #loop: Promise<void> | undefined;
  #stop: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#policy = options.retryPolicy ?? DEFAULT_RETRY_POLICY;
    this.#commits = new Commits(options.ledger);
    this.#pacing = new Pacing({
      maxConcurrency: options.destination.maxConcurrency,
      eventsPerSecond: options.eventsPerSecond,
    });
    this.#progress = new Progress({
      ...options,
      commit: (settlement) => this.#commits.commit(settlement),
    });
    this.#pace = options.pace ?? new Pace();
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

  /** A retry of dead letters was asked for. */
  notifyAsked(): void {
    this.#mayHaveAsked = true;
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
    this.#committing(() => {
      this.#progress.commitFiltered();
      if (this.#commits.fault !== undefined) this.#commits.retry();
    });
    this.#closed = true;
  }

  async #inFlightEnded(withinMs: number): Promise<void> {
    const ended = new AbortController();
    const all = Promise.all(this.#inFlight).then(() => ended.abort());
    await Promise.race([all, this.#options.clock.sleep(withinMs, ended.signal)]);
  }

  get #active(): boolean {
    return this.#state.kind !== 'stopped' && !this.#stopping.signal.aborted;
  }

  async #run(): Promise<void> {
    const { clock, logger, destinationId } = this.#options;
    try {
      await this.#progress.restore(this.#read, clock.nowMs());
      while (this.#active) {
        if (this.#commits.fault !== undefined) {
          await this.#retryCommit();
          continue;
        }
        const reviveAtMs = this.#revive();
        const nextMs = this.#dispatch();
        if (!this.#active) return;
        if (this.#wantsMore()) await this.#readBlock();
        else await this.#rest(earlier(nextMs, reviveAtMs));
      }
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      logger.error({ destinationId, ...describeError(error) }, 'destination stopped');
      this.#show({ kind: 'stopped', reason: unreadableReason(error) });
    }
  }

  async #retryCommit(): Promise<void> {
    const { clock } = this.#options;
    const atMs = clock.nowMs() + COMMIT_RETRY_MS;
    while (this.#active && clock.nowMs() < atMs) await this.#rest(atMs);
    if (this.#active) this.#committing(() => this.#commits.retry());
  }

  /** Read ahead only as far as keeps every slot busy; the log is the better buffer. */
  #wantsMore(): boolean {
    return this.#mayHaveMore && this.#wantsEvents();
  }

  #wantsEvents(): boolean {
    const { batch, maxConcurrency } = this.#options.destination;
    const { count, bytes } = this.#progress.room;
    const enough = batch.maxCount * maxConcurrency;
    return count > 0 && bytes > 0 && this.#progress.readyCount < enough;
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

  /** Takes up dead letters to be tried again. Returns when to do so again, where that is a question of time. */
  #revive(): number | undefined {
    // One in trouble would only fill up with them.
    if (!this.#mayHaveAsked || this.#pacing.health.kind !== 'sound' || !this.#wantsEvents()) return undefined;
    const nowMs = this.#options.clock.nowMs();
    const left = this.#pace.left(nowMs);
    let isPassing = false;
    if (left > 0) {
      this.#committing(() => {
        try {
          const revivedCount = this.#progress.revive(left, nowMs);
          this.#pace.spend(revivedCount, nowMs);
          this.#mayHaveAsked = revivedCount > 0;
        } catch (error) {
          // They stay asked for in the ledger, and nothing was begun.
          if (passingFault(error) === undefined) throw error;
          isPassing = true;
        }
      });
    }
    if (isPassing) return nowMs + COMMIT_RETRY_MS;
    return this.#mayHaveAsked ? this.#pace.nextRoundAtMs : undefined;
  }

  /** Fills the free slots. Returns when to look again if nothing happens before. */
  #dispatch(): number | undefined {
    const { clock } = this.#options;
    while (this.#active && this.#commits.fault === undefined) {
      const nowMs = clock.nowMs();
      const turn = this.#pacing.turn(nowMs, this.#inFlight.size);
      if (turn.kind === 'wait') return turn.untilMs;
      const next = this.#progress.take(nowMs, turn.maxCount);
      if (next.kind === 'wait') return next.untilMs;
      const givenUp = next.events.filter((event) => waitsForDeadline(event.progress, this.#policy));
      if (givenUp.length > 0) this.#bury(givenUp);
      const batch =
        givenUp.length > 0 ? next.events.filter((event) => event.phase === 'inFlight') : next.events;
      if (batch.length > 0 && this.#active) this.#launch(batch, turn.isProbe);
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

  #launch(batch: readonly LaneEvent[], isProbe: boolean): void {
    this.#pacing.sent(batch.length);
    const delivery = this.#deliver(batch, isProbe).finally(() => {
      this.#inFlight.delete(delivery);
      this.#wake();
    });
    this.#inFlight.add(delivery);
  }

  async #deliver(batch: readonly LaneEvent[], isProbe: boolean): Promise<void> {
    const { clock, destination } = this.#options;
    const startedAtMs = clock.nowMs();
    const state = this.#progress.destinationState;
    const context = { state, signal: this.#aborting.signal, clock };
    const answer = await offer(destination, batch.map(deliveryEvent), context);
    if (!answer || this.#closed) return;
    const reading = read(answer, batch.length, state);
    this.#report(answer, reading);
    this.#settle(batch, reading, { startedAtMs, isProbe });
  }

  #settle(
    batch: readonly LaneEvent[],
    reading: Reading,
    { startedAtMs, isProbe }: { startedAtMs: number; isProbe: boolean },
  ): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const random = clock.random();
    const { end, code, state, isWhole, outcomes } = reading;
    if (end && this.#pacing.ended({ end, startedAtMs, nowMs, random }).isBack)
      this.#progress.restartHolds(nowMs);
    const { health } = this.#pacing;
    const nextProbeMs = isProbe && health.kind !== 'sound' ? health.probeAtMs : undefined;
    const verdicts = verdictsOf(batch, reading, {
      startedAtMs,
      nowMs,
      random,
      policy: this.#policy,
      nextProbeMs,
    });
    const positions = batch
      .slice(0, outcomes.length)
      .map((event) => event.progress.position)
      // One that was a dead letter stands behind later ones.
      .toSorted((a, b) => a - b);
    if (isWhole) this.#progress.split(batch.filter((_, index) => verdicts[index]?.kind !== 'decided'));
    this.#committing(() =>
      this.#progress.settle(batch, verdicts, {
        ...(code !== undefined && {
          attempt: { startedAtMs, durationMs: nowMs - startedAtMs, code, positions },
        }),
        ...(state && { state }),
      }),
    );
    this.#show(stateOf(health));
  }

  #report(answer: Answer, { fault, code }: Reading): void {
    const { destinationId, logger } = this.#options;
    if (answer.kind === 'threw')
      logger.warn({ destinationId, ...describeError(answer.error) }, 'the destination threw');
    if (answer.kind === 'timedOut')
      logger.warn({ destinationId, code }, 'the destination took too long and was aborted');
    if (fault) logger.warn({ destinationId, fault }, 'the destination broke its contract');
  }

  /** Runs a step that ends in a commit; after one that fails for good nothing may be delivered or committed. */
  #committing(step: () => void): void {
    if (this.#closed) return;
    const faultBefore = this.#commits.fault;
    try {
      step();
    } catch (error) {
      this.#closed = true;
      this.#show({ kind: 'stopped', reason: 'the ledger cannot be written' });
      this.#options.onLedgerError(error);
      return;
    }
    if (this.#commits.fault === faultBefore) return;
    const reason = this.#commits.fault;
    this.#show(
      reason === undefined
        ? stateOf(this.#pacing.health)
        : {
            kind: 'waiting',
            reason: `ledger.db cannot be written: ${reason}`,
            sinceMs: this.#options.clock.nowMs(),
          },
    );
  }

  #show(state: DeliveryState): void {
    const before = this.#state;
    if (before.kind === 'stopped' || isSame(before, state)) return;
    // Whatever the destination is like, that nothing can be recorded comes first.
    if (this.#commits.fault !== undefined && state.kind !== 'waiting' && state.kind !== 'stopped') return;
    this.#state = state;
    if (before.kind !== state.kind) logChange(state, this.#options);
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

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function deliveryEvent({ event, json, progress }: LaneEvent): DeliveryEvent {
  return progress.resume ? { event, json, resume: progress.resume } : { event, json };
}
