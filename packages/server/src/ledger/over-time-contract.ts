import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../clock.ts';
import { dead, delivered, filtered, held, letter, settlement, type LedgerStore } from './contract.ts';
import { EVENT_NAME_MAX_COUNT, EVENT_NAME_MAX_LENGTH, HOURS_KEPT_MS } from './counts.ts';
import { OTHER_NAMES } from './event-counts.ts';
import { EpochError } from './ledger.ts';
import type { Attempt, EventCountQuery, Ledger, LedgerReader } from './ledger.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The beginning of an hour. */
const START_MS = 480_000 * HOUR_MS;

/** What every ledger does as time goes by; run it on each driver, beside `describeLedger`. */
export function describeLedgerOverTime(
  name: string,
  makeStore: (clock: Pick<Clock, 'nowMs'>) => LedgerStore,
): void {
  describe(`ledger contract over time: ${name}`, () => {
    let nowMs: number;
    let store: LedgerStore;
    let ledger: Ledger;
    let reader: LedgerReader;

    beforeEach(() => {
      nowMs = START_MS;
      store = makeStore({ nowMs: () => nowMs });
      ledger = store.open();
      reader = store.reader();
    });
    afterEach(() => {
      reader.close();
      ledger.close();
      store.dispose();
    });

    const counted = (query: Partial<EventCountQuery> = {}) => {
      const { rows, isCut } = reader.eventCounts({ fromMs: START_MS, toMs: nowMs + 1, ...query });
      expect(isCut).toBe(false);
      return rows;
    };
    const pruneAll = (retainMs: number): void => {
      let stepCount = 1;
      while (ledger.prune(retainMs)) stepCount += 1;
      expect(stepCount).toBeLessThan(1_000);
    };
    const request = (position: number, durationMs = 20): Attempt => ({
      startedAtMs: nowMs - durationMs,
      durationMs,
      code: 'delivered',
      positions: [position],
    });

    it('counts nothing where nothing was', () => {
      expect(counted()).toStrictEqual([]);
      expect(reader.requestTimes({ fromMs: 0, toMs: nowMs })).toStrictEqual([]);
    });

    it('counts what events came to by step, code and name, also the attempts that failed', () => {
      const failures = [{ code: 'HTTP_503', eventName: 'B' }, { code: 'HTTP_503' }];
      ledger.commit(
        settlement({
          cursor: 9,
          decisions: [
            { ...delivered(1), eventName: 'A' },
            { ...delivered(2), eventName: 'A' },
            { ...delivered(3), eventName: 'B' },
            { ...filtered(4), eventName: 'A' },
            dead(5),
          ],
          pending: [held(6), held(7)],
          failures,
          dead: [letter(5)],
        }),
      );
      ledger.commit(settlement({ cursor: 9, pending: [held(7)], failures: [failures[1]!] }));
      ledger.commit(settlement({ destinationId: 'files', cursor: 2, decisions: [delivered(1)] }));
      expect(counted()).toStrictEqual([
        { destinationId: 'files', step: 'delivered', code: '', count: 1 },
        { destinationId: 'hook', step: 'delivered', code: '', count: 3 },
        { destinationId: 'hook', step: 'failed', code: 'HTTP_503', count: 3 },
        { destinationId: 'hook', step: 'dead', code: 'HTTP_400', count: 1 },
        { destinationId: 'hook', step: 'filtered', code: 'UNSUPPORTED_EVENT_TYPE', count: 1 },
      ]);
      const own = counted({ destinationId: 'hook', byEventName: true });
      expect(own.filter(({ step }) => step === 'delivered' || step === 'failed')).toStrictEqual([
        { destinationId: 'hook', step: 'delivered', code: '', eventName: 'A', count: 2 },
        { destinationId: 'hook', step: 'failed', code: 'HTTP_503', eventName: '', count: 2 },
        { destinationId: 'hook', step: 'delivered', code: '', eventName: 'B', count: 1 },
        { destinationId: 'hook', step: 'failed', code: 'HTTP_503', eventName: 'B', count: 1 },
      ]);
    });

    it('counts nothing of a commit of a router that has lost the ledger', () => {
      const successor = store.open();
      expect(() => ledger.commit(settlement({ cursor: 2, decisions: [delivered(1)] }))).toThrow(EpochError);
      expect(() => ledger.prune(0)).toThrow(EpochError);
      expect(counted()).toStrictEqual([]);
      successor.close();
    });

    it('tells minutes apart, and finds those that a period touches', () => {
      for (const minute of [0, 1, 3]) {
        nowMs = START_MS + minute * MINUTE_MS + 30_000;
        ledger.commit(settlement({ cursor: minute + 1, decisions: [delivered(minute)] }));
      }
      const at = (minute: number) => ({
        destinationId: 'hook',
        step: 'delivered',
        code: '',
        atMs: START_MS + minute * MINUTE_MS,
        widthMs: MINUTE_MS,
        count: 1,
      });
      expect(counted({ byTime: true })).toStrictEqual([at(0), at(1), at(3)]);
      const period = { fromMs: START_MS + MINUTE_MS + 59_999, toMs: START_MS + 3 * MINUTE_MS };
      expect(counted({ ...period, byTime: true })).toStrictEqual([at(1)]);
      expect(counted({ ...period, toMs: period.toMs + 1 })).toMatchObject([{ count: 2 }]);
    });

    it('bounds the names of a destination in a minute, over commits and restarts too', () => {
      const commit = (from: number, count: number, destinationId = 'hook') =>
        ledger.commit(
          settlement({
            destinationId,
            cursor: from + count,
            decisions: Array.from({ length: count }, (_, i) => ({
              ...delivered(from + i),
              eventName: `Event ${from + i}`,
            })),
          }),
        );
      commit(0, 30);
      ledger.close();
      ledger = store.open();
      commit(20, 40);
      commit(60, 1, 'files');
      const names = counted({ destinationId: 'hook', byEventName: true });
      expect(names).toHaveLength(EVENT_NAME_MAX_COUNT + 1);
      expect(names.find(({ eventName }) => eventName === OTHER_NAMES)).toMatchObject({ count: 10 });
      expect(names.find(({ eventName }) => eventName === 'Event 20')).toMatchObject({ count: 2 });
      expect(counted({ destinationId: 'files', byEventName: true })).toMatchObject([
        { eventName: 'Event 60' },
      ]);
      nowMs += MINUTE_MS;
      commit(61, 1);
      const next = counted({ fromMs: nowMs, byEventName: true });
      expect(next).toMatchObject([{ eventName: 'Event 61', count: 1 }]);
    });

    it('cuts long names, and takes from none what is not text', () => {
      const long = 'x'.repeat(EVENT_NAME_MAX_LENGTH);
      const names = [
        `${long}1`,
        `${long}2`,
        'nul \0 and',
        OTHER_NAMES,
        `${long.slice(1)}\u{1f600}`,
        '__proto__',
      ];
      ledger.commit(
        settlement({
          cursor: names.length,
          decisions: names.map((eventName, position) => ({ ...delivered(position), eventName })),
        }),
      );
      expect(counted({ byEventName: true }).map(({ eventName, count }) => [eventName, count])).toStrictEqual([
        [long, 2],
        ['__proto__', 1],
        ['nul \ufffd and', 1],
        [`${long.slice(1)}\ufffd`, 1],
        ['\ufffd', 1],
      ]);
    });

    it('tells how long requests took, to a fifth', () => {
      for (let i = 1; i <= 100; i += 1) {
        ledger.commit(settlement({ cursor: i, attempt: request(i, i <= 90 ? 10 : 1_000) }));
      }
      nowMs += MINUTE_MS;
      ledger.commit(settlement({ destinationId: 'files', cursor: 1, attempt: request(0, 0) }));
      const [files, hook] = reader.requestTimes({ fromMs: START_MS, toMs: nowMs + 1 });
      expect(files).toStrictEqual({ destinationId: 'files', requestCount: 1, p50Ms: 1, p95Ms: 1 });
      expect(hook).toMatchObject({ destinationId: 'hook', requestCount: 100 });
      expect(hook!.p50Ms).toBeGreaterThanOrEqual(10);
      expect(hook!.p50Ms).toBeLessThanOrEqual(12);
      expect(hook!.p95Ms).toBeGreaterThanOrEqual(1_000);
      expect(hook!.p95Ms).toBeLessThanOrEqual(1_190);
      const apart = reader.requestTimes({ fromMs: START_MS, toMs: nowMs + 1, byTime: true });
      expect(apart).toMatchObject([
        { destinationId: 'hook', atMs: START_MS, widthMs: MINUTE_MS, requestCount: 100 },
        { destinationId: 'files', atMs: nowMs, widthMs: MINUTE_MS, requestCount: 1 },
      ]);
    });

    it('makes hours of old minutes, with the most frequent names, and drops old hours', () => {
      for (let minute = 0; minute < 60; minute += 1) {
        nowMs = START_MS + minute * MINUTE_MS;
        const decisions = [
          { ...delivered(2 * minute), eventName: 'Often' },
          { ...delivered(2 * minute + 1), eventName: `Once ${minute}` },
        ];
        ledger.commit(settlement({ cursor: 2 * minute + 2, decisions, attempt: request(2 * minute, 8) }));
      }
      nowMs = START_MS + 4 * HOUR_MS - 1;
      pruneAll(DAY_MS);
      expect(counted({ byTime: true })).toHaveLength(60);
      nowMs += 1;
      pruneAll(DAY_MS);
      expect(counted({ byTime: true })).toStrictEqual([
        { destinationId: 'hook', step: 'delivered', code: '', atMs: START_MS, widthMs: HOUR_MS, count: 120 },
      ]);
      expect(reader.requestTimes({ fromMs: START_MS, toMs: nowMs })).toMatchObject([
        { requestCount: 60, p50Ms: 8 },
      ]);
      const names = counted({ byEventName: true });
      expect(names).toHaveLength(EVENT_NAME_MAX_COUNT + 1);
      expect(names[0]).toMatchObject({ eventName: 'Often', count: 60 });
      expect(names.find(({ eventName }) => eventName === OTHER_NAMES)).toMatchObject({ count: 11 });
      // Any moment of the hour is the hour.
      expect(counted({ fromMs: START_MS + HOUR_MS - 1 })).toMatchObject([{ count: 120 }]);
      expect(counted({ fromMs: START_MS + HOUR_MS })).toStrictEqual([]);

      nowMs = START_MS + HOURS_KEPT_MS;
      pruneAll(DAY_MS);
      expect(counted()).toHaveLength(1);
      nowMs += MINUTE_MS;
      pruneAll(DAY_MS);
      expect(counted()).toStrictEqual([]);
    });

    it('forgets attempts and decisions that are old, in steps', () => {
      for (let i = 0; i < 40; i += 1) {
        const positions = Array.from({ length: 100 }, (_, offset) => i * 100 + offset);
        const attempt = { ...request(0), positions };
        ledger.commit(settlement({ cursor: (i + 1) * 100, attempt, decisions: positions.map(delivered) }));
      }
      nowMs += HOUR_MS;
      ledger.commit(settlement({ cursor: 6_001, attempt: request(6_000), decisions: [delivered(6_000)] }));
      nowMs += 1;
      pruneAll(HOUR_MS);
      for (const position of [0, 999, 1_024, 3_999]) {
        expect(reader.trace(0, position)).toMatchObject([{ decision: { kind: 'unrecorded' }, attempts: [] }]);
      }
      expect(reader.trace(0, 6_000)).toMatchObject([
        { decision: { kind: 'delivered' }, attempts: [{ code: 'delivered' }] },
      ]);
      expect(reader.totals()).toMatchObject([{ deliveredCount: 4_001, cursors: { 0: 6_001 } }]);
    });

    it('never forgets what is pending or dead, nor how far a destination has got', () => {
      ledger.commit(
        settlement({
          cursor: 9,
          state: { offset: 3 },
          decisions: [dead(5)],
          dead: [letter(5)],
          pending: [held(6)],
        }),
      );
      nowMs += 365 * DAY_MS;
      pruneAll(1);
      expect(ledger.load('hook', 0)).toStrictEqual({ cursor: 9, state: { offset: 3 }, pending: [held(6)] });
      expect(reader.trace(0, 5)).toMatchObject([
        { decision: { kind: 'dead', code: 'HTTP_400', diedAtMs: 5_000 } },
      ]);
      expect(reader.trace(0, 6)).toMatchObject([{ decision: { kind: 'pending' } }]);
    });
  });
}
