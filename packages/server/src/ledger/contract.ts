import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EpochError, TRACE_ATTEMPT_COUNT } from './ledger.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { Attempt, Decision, Ledger, LedgerReader, PendingEvent, Settlement } from './ledger.ts';

/** One ledger that can be opened any number of times, as by routers that follow each other. */
export interface LedgerStore {
  open(): Ledger;
  reader(): LedgerReader;
  dispose(): void;
}

/** What every ledger does; run it on each driver. */
export function describeLedger(name: string, makeStore: () => LedgerStore): void {
  describe(`ledger contract: ${name}`, () => {
    let store: LedgerStore;
    let ledger: Ledger;
    let reader: LedgerReader;

    beforeEach(() => {
      store = makeStore();
      ledger = store.open();
      reader = store.reader();
    });
    afterEach(() => {
      reader.close();
      ledger.close();
      store.dispose();
    });

    it('knows nothing of a destination that it has never seen', () => {
      expect(ledger.load('hook', 0)).toStrictEqual({ cursor: undefined, state: undefined, pending: [] });
      expect(reader.totals()).toStrictEqual([]);
    });

    it('keeps the cursors of destinations and partitions apart', () => {
      ledger.commit(settlement({ cursor: 5 }));
      ledger.commit(settlement({ cursor: 7, partition: 1 }));
      ledger.commit(settlement({ cursor: 9, destinationId: 'files' }));
      expect(ledger.load('hook', 0).cursor).toBe(5);
      expect(ledger.load('hook', 1).cursor).toBe(7);
      expect(ledger.load('files', 0).cursor).toBe(9);
      expect(ledger.load('files', 1).cursor).toBeUndefined();
    });

    it('traces one event at each destination', () => {
      ledger.commit(
        settlement({
          cursor: 6,
          attempt: attempt('HTTP_503', [1, 2, 5], 1_000),
          pending: [held(2), held(5)],
        }),
      );
      ledger.commit(
        settlement({ cursor: 6, attempt: attempt('delivered', [2], 2_000), decisions: [delivered(2)] }),
      );
      ledger.commit(settlement({ destinationId: 'files', cursor: 3, decisions: [filtered(2)] }));
      ledger.commit(
        settlement({ destinationId: 'late', cursor: 9, decisions: [dead(5)], dead: [letter(5)] }),
      );
      expect(reader.trace(0, 2)).toStrictEqual([
        {
          destinationId: 'files',
          decision: { kind: 'filtered', code: filtered(2).code },
          attempts: [],
          isCut: false,
        },
        {
          destinationId: 'hook',
          decision: { kind: 'delivered' },
          attempts: [
            { startedAtMs: 1_000, durationMs: 20, code: 'HTTP_503', eventCount: 3 },
            { startedAtMs: 2_000, durationMs: 20, code: 'delivered', eventCount: 1 },
          ],
          isCut: false,
        },
        { destinationId: 'late', decision: { kind: 'unrecorded' }, attempts: [], isCut: false },
      ]);
      const { code, diedAtMs, attemptCount } = letter(5);
      expect(reader.trace(0, 5).map(({ decision }) => decision)).toMatchObject([
        { kind: 'undecided' },
        { kind: 'pending', attemptCount: held(5).attemptCount, notBeforeMs: held(5).notBeforeMs },
        { kind: 'dead', code, diedAtMs, attemptCount },
      ]);
      expect(reader.trace(1, 2)).toStrictEqual([]);
    });

    it('shows the newest attempts of an event that was tried very often', () => {
      for (let i = 0; i < TRACE_ATTEMPT_COUNT + 3; i += 1) {
        const attempt = { startedAtMs: i, durationMs: 1, code: 'HTTP_500', positions: [4] };
        ledger.commit(settlement({ cursor: 5, attempt, pending: [held(4)] }));
      }
      const [trace] = reader.trace(0, 4);
      expect(trace?.isCut).toBe(true);
      expect(trace?.attempts.map(({ startedAtMs }) => startedAtMs)).toStrictEqual(
        Array.from({ length: TRACE_ATTEMPT_COUNT }, (_, i) => i + 3),
      );
    });

    it('keeps positions up to 2^53 exactly', () => {
      ledger.commit(settlement({ cursor: Number.MAX_SAFE_INTEGER }));
      expect(ledger.load('hook', 0).cursor).toBe(Number.MAX_SAFE_INTEGER);
    });

    it('keeps the state until another one is committed', () => {
      ledger.commit(settlement({ state: { day: '2026-03-01', offset: 12 } }));
      ledger.commit(settlement({ cursor: 2 }));
      expect(ledger.load('hook', 0).state).toStrictEqual({ day: '2026-03-01', offset: 12 });
      ledger.commit(settlement({ state: {} }));
      expect(ledger.load('hook', 0).state).toStrictEqual({});
    });

    it('returns pending events by position, with all that was said of them', () => {
      const retried: PendingEvent = {
        position: 4,
        attemptCount: 2,
        firstAttemptAtMs: 1_000,
        notBeforeMs: 61_000,
        code: 'HTTP_503',
        resume: { part: 1 },
      };
      ledger.commit(settlement({ cursor: 9, pending: [held(8), retried] }));
      expect(ledger.load('hook', 0).pending).toStrictEqual([retried, held(8)]);
      expect(ledger.load('hook', 1).pending).toStrictEqual([]);
    });

    it('knows the lowest position that is still needed', () => {
      expect(ledger.neededFrom('hook', 0)).toBeUndefined();
      ledger.commit(settlement({ cursor: 9 }));
      expect(ledger.neededFrom('hook', 0)).toBe(9);
      ledger.commit(settlement({ cursor: 9, pending: [held(8), held(4)] }));
      ledger.commit(settlement({ cursor: 1, partition: 1 }));
      expect(ledger.neededFrom('hook', 0)).toBe(4);
    });

    it('replaces the row of an event that is still pending', () => {
      ledger.commit(settlement({ pending: [{ ...held(3), code: 'TIMEOUT' }] }));
      ledger.commit(settlement({ pending: [{ ...held(3), attemptCount: 1 }] }));
      expect(ledger.load('hook', 0).pending).toStrictEqual([{ ...held(3), attemptCount: 1 }]);
    });

    it('drops the row of an event that was decided, and of no other', () => {
      ledger.commit(settlement({ cursor: 7, pending: [1, 2, 3, 4, 6].map(held) }));
      ledger.commit(settlement({ cursor: 7, partition: 1, pending: [held(3)] }));
      ledger.commit(settlement({ cursor: 7, destinationId: 'files', pending: [held(3)] }));
      ledger.commit(settlement({ cursor: 7, decisions: [delivered(4), filtered(3), delivered(6)] }));
      expect(ledger.load('hook', 0).pending).toStrictEqual([held(1), held(2)]);
      expect(ledger.load('hook', 1).pending).toStrictEqual([held(3)]);
      expect(ledger.load('files', 0).pending).toStrictEqual([held(3)]);
    });

    it('counts what became of events, by destination and code', () => {
      const decisions = [delivered(1), { ...delivered(2), reordered: true as const }, filtered(3)];
      ledger.commit(settlement({ cursor: 4, decisions }));
      ledger.commit(
        settlement({
          cursor: 8,
          decisions: [delivered(4), dead(5)],
          dead: [letter(5)],
          pending: [held(6), held(7)],
        }),
      );
      ledger.commit(settlement({ partition: 1, cursor: 3, pending: [held(1)], decisions: [filtered(2)] }));
      ledger.commit(settlement({ destinationId: 'files', cursor: 2, decisions: [delivered(1)] }));
      expect(reader.totals()).toStrictEqual([
        {
          destinationId: 'files',
          deliveredCount: 1,
          reorderedCount: 0,
          filtered: {},
          dead: {},
          dropped: {},
          revived: {},
          pendingCount: 0,
          cursors: { 0: 2 },
        },
        {
          destinationId: 'hook',
          deliveredCount: 3,
          reorderedCount: 1,
          filtered: { UNSUPPORTED_EVENT_TYPE: 2 },
          dead: { HTTP_400: 1 },
          dropped: {},
          revived: {},
          pendingCount: 3,
          cursors: { 0: 8, 1: 3 },
        },
      ]);
    });

    it('tells the last request that failed', () => {
      const attempt = { startedAtMs: 1_000, durationMs: 20, code: 'TIMEOUT', positions: [1, 2] };
      ledger.commit(settlement({ attempt }));
      ledger.commit(settlement({ attempt: { ...attempt, startedAtMs: 2_000, code: 'HTTP_500' } }));
      ledger.commit(settlement({ attempt: { ...attempt, startedAtMs: 3_000, code: 'delivered' } }));
      ledger.commit(settlement({ destinationId: 'files', attempt: { ...attempt, code: 'delivered' } }));
      const [files, hook] = reader.totals();
      expect(hook?.lastFailure).toStrictEqual({ atMs: 2_020, code: 'HTTP_500' });
      expect(files).not.toHaveProperty('lastFailure');
    });

    it('belongs to whoever opened it last', () => {
      ledger.commit(settlement({ cursor: 1 }));
      const successor = store.open();
      expect(successor.load('hook', 0).cursor).toBe(1);
      const late = settlement({
        cursor: 2,
        state: { late: true },
        decisions: [delivered(1)],
        pending: [held(1)],
      });
      expect(() => ledger.commit(late)).toThrow(EpochError);
      expect(successor.load('hook', 0)).toStrictEqual({ cursor: 1, state: undefined, pending: [] });
      expect(reader.totals()[0]?.deliveredCount).toBe(0);
      successor.commit(settlement({ cursor: 3 }));
      expect(successor.load('hook', 0).cursor).toBe(3);
      successor.close();
    });

    it('keeps a copy, whatever becomes of the objects', () => {
      const event = held(1);
      const state = { offset: 1 };
      ledger.commit(settlement({ state, pending: [event] }));
      event.attemptCount = 9;
      state.offset = 9;
      expect(ledger.load('hook', 0)).toMatchObject({ state: { offset: 1 }, pending: [{ attemptCount: 0 }] });
    });
  });
}

export function settlement(changes: Partial<Settlement>): Settlement {
  return { destinationId: 'hook', partition: 0, cursor: 0, decisions: [], pending: [], dead: [], ...changes };
}

export function held(position: number): PendingEvent {
  return { position, attemptCount: 0, notBeforeMs: 0 };
}

export function delivered(position: number): Decision {
  return { position, outcome: 'delivered', code: '' };
}

export function filtered(position: number): Decision {
  return { position, outcome: 'filtered', code: 'UNSUPPORTED_EVENT_TYPE' };
}

export function dead(position: number): Decision {
  return { position, outcome: 'dead', code: 'HTTP_400' };
}

export function letter(position: number): DeadLetter {
  return {
    position,
    messageId: `message-${position}`,
    code: 'HTTP_400',
    attemptCount: 1,
    diedAtMs: 5_000,
    event: Buffer.from(`{"messageId":"message-${position}"}`),
  };
}

function attempt(code: string, positions: number[], startedAtMs: number): Attempt {
  return { startedAtMs, durationMs: 20, code, positions };
}
