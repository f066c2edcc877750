import { EVENT_TYPES, type SegmentEvent } from '@millrace/spec';
import { pino } from 'pino';
import type { Clock } from '../clock.ts';
import type {
  DeliveryContext,
  DeliveryEvent,
  DeliveryResult,
  Destination,
} from '../destinations/destination.ts';
import type { Settlement } from '../ledger/ledger.ts';
import { memoryLedger, type MemoryLedger } from '../ledger/memory.ts';
import { memoryLog, type MemoryLog } from '../log/memory-log.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import type { DeliveryState } from './delivery-state.ts';

/** For the tests of this folder: a clock that stands still, and a delivery with all of its parts. */

export interface ManualClock extends Clock {
  /** Sets the time and ends the sleeps that are over by then. */
  advanceTo(nowMs: number): void;
  /** When the next sleep ends; undefined when none does within a month. */
  nextWakeMs(): number | undefined;
}

const MONTH_MS = 30 * 24 * 3_600_000;

export function manualClock(startMs = 1_000_000_000_000, random: () => number = () => 0.5): ManualClock {
  let nowMs = startMs;
  const sleepers = new Set<{ atMs: number; wake: () => void }>();
  return {
    nowMs: () => nowMs,
    random,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = (): void => {
          sleepers.delete(sleeper);
          resolve();
        };
        const sleeper = { atMs: nowMs + delayMs, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake);
      }),
    advanceTo(toMs) {
      nowMs = Math.max(nowMs, toMs);
      for (const sleeper of sleepers) if (sleeper.atMs <= nowMs) sleeper.wake();
    },
    nextWakeMs() {
      const atMs = Math.min(...[...sleepers].map((sleeper) => sleeper.atMs));
      return atMs - nowMs > MONTH_MS ? undefined : atMs;
    },
  };
}

/** Lets all that can run without time passing do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock from wake-up to wake-up until the condition holds. */
export async function runUntil(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let round = 0; round < 20_000; round += 1) {
    await settled();
    if (condition()) return;
    const nextMs = clock.nextWakeMs();
    if (nextMs === undefined) throw new Error('nothing will ever happen again');
    clock.advanceTo(nextMs);
  }
  throw new Error('the condition never came to hold');
}

export function trackEvent(messageId: string, fields: Partial<SegmentEvent> = {}): SegmentEvent {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    type: 'track',
    event: 'Test',
    messageId,
    userId: messageId,
    timestamp: at,
    receivedAt: at,
    ...fields,
  };
}

export type Deliver = (events: readonly DeliveryEvent[], context: DeliveryContext) => Promise<DeliveryResult>;

export function destinationOf(deliver: Deliver, overrides: Partial<Destination> = {}): Destination {
  return {
    name: 'Test',
    accepts: EVENT_TYPES,
    storage: false,
    batch: { maxCount: 10, maxBytes: 1_000_000, maxWaitMs: 0 },
    maxConcurrency: 1,
    deliver,
    ...overrides,
  };
}

export interface Rig {
  clock: ManualClock;
  ledger: MemoryLedger;
  log: MemoryLog;
  states: DeliveryState[];
  ledgerErrors: unknown[];
  append: (...events: SegmentEvent[]) => Promise<void>;
  /** A delivery as a fresh router has it; one that was started before loses the ledger. */
  start: (destination: Destination, overrides?: Partial<DeliveryOptions>) => Delivery;
  /** What the ledger says of each messageId: `delivered`, `filtered:CODE`, `dead:CODE`. */
  decided: () => Map<string, string[]>;
  pending: () => Settlement['pending'];
  cursor: () => number | undefined;
  /** Events of the log. */
  endPosition: () => number;
}

const DESTINATION_ID = 'test';

export function rig(clock: ManualClock = manualClock()): Rig {
  const ledger = memoryLedger();
  const log = memoryLog();
  const states: DeliveryState[] = [];
  const ledgerErrors: unknown[] = [];
  const messageIds: string[] = [];
  const logger = pino({ level: 'silent' });
  const empty = { destinationId: DESTINATION_ID, partition: 0, cursor: 0 };
  ledger.open().commit({ ...empty, decisions: [], pending: [], dead: [] });
  let notify: (() => void) | undefined;
  const load = (): ReturnType<ReturnType<MemoryLedger['open']>['load']> => {
    // A second reading of the settlements; opening the ledger here would take it from the delivery.
    const copy = memoryLedger();
    const opened = copy.open();
    for (const settlement of ledger.settlements) opened.commit(settlement);
    return opened.load(DESTINATION_ID, 0);
  };
  return {
    clock,
    ledger,
    log,
    states,
    ledgerErrors,
    async append(...events) {
      messageIds.push(...events.map((event) => event.messageId));
      await log.log.append(
        events.map((event) => ({
          sourceId: 'source',
          messageId: event.messageId,
          receivedAtMs: clock.nowMs(),
          flags: 0,
          json: Buffer.from(JSON.stringify(event)),
        })),
      );
      notify?.();
    },
    start(destination, overrides = {}) {
      const reader = log.openReader();
      reader.setDurableEnds(log.log.durableEnds);
      const delivery = new Delivery({
        destinationId: DESTINATION_ID,
        destination,
        partition: 0,
        reader,
        ledger: overrides.ledger ?? ledger.open(),
        clock,
        logger,
        onState: (state) => states.push(state),
        onLedgerError: (error) => ledgerErrors.push(error),
        ...overrides,
      });
      delivery.start();
      notify = () => {
        reader.setDurableEnds(log.log.durableEnds);
        delivery.notifyDurable();
      };
      return delivery;
    },
    decided() {
      const decided = new Map<string, string[]>();
      for (const { position, outcome, code } of ledger.settlements.flatMap(({ decisions }) => decisions)) {
        const messageId = messageIds[position]!;
        const words = code ? `${outcome}:${code}` : outcome;
        decided.set(messageId, [...(decided.get(messageId) ?? []), words]);
      }
      return decided;
    },
    pending: () => load().pending,
    cursor: () => load().cursor,
    endPosition: () => messageIds.length,
  };
}
