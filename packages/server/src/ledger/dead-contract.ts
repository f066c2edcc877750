import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dead, delivered, filtered, held, letter, settlement, type LedgerStore } from './contract.ts';
import { DEAD_PAGE_MAX_COUNT, DEAD_SCAN_COUNT } from './dead-letters.ts';
import type { DeadFilter, DeadLetter, DeadListPlace, DeadSelection } from './dead-letters.ts';
import { EpochError } from './ledger.ts';
import type { Ledger, LedgerReader } from './ledger.ts';

const ALL = { maxCount: 100 };
const ROOM = { maxCount: 100, maxBytes: 1_000_000 };

/** What every ledger does with dead letters; run it on each driver. */
export function describeDeadLetters(name: string, makeStore: () => LedgerStore): void {
  describe(`dead letters in a ledger: ${name}`, () => {
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

    const bury = (letters: DeadLetter[], { destinationId = 'hook', partition = 0 } = {}): void => {
      const decisions = letters.map(({ position, code }) => ({ ...dead(position), code }));
      ledger.commit(settlement({ destinationId, partition, cursor: 100_000, decisions, dead: letters }));
    };
    const positions = (filter: DeadFilter): number[] =>
      reader.deadLetters(filter, ALL).letters.map(({ position }) => position);
    const askAll = (): void => void ledger.changeDead('retry', { filter: {} });

    it('has none at first', () => {
      expect(reader.deadLetters({}, ALL)).toStrictEqual({ letters: [] });
      expect(reader.deadLetter({ destinationId: 'hook', partition: 0, position: 1 })).toBeUndefined();
      expect(ledger.changeDead('retry', { filter: {} })).toStrictEqual({ count: 0 });
      expect(ledger.revive('hook', 0, ROOM)).toStrictEqual([]);
    });

    it('shows one with all that was said of it', () => {
      const exchange = { request: { method: 'POST' }, answer: { status: 400, body: 'no "such" field' } };
      const said = { ...letter(7), eventName: 'Order Placed', exchange };
      bury([said]);
      const place = { destinationId: 'hook', partition: 0, position: 7 };
      expect(reader.deadLetter(place)).toStrictEqual({ ...place, ...said });
      const { event: _, exchange: __, ...line } = said;
      expect(reader.deadLetters({}, ALL)).toStrictEqual({ letters: [{ ...place, ...line }] });
    });

    it('lists the newest deaths first, by destination, code, time and event name', () => {
      bury([
        { ...letter(1), diedAtMs: 1_000 },
        { ...letter(2), diedAtMs: 3_000, code: 'HTTP_422', eventName: 'Signed Up' },
        { ...letter(3), diedAtMs: 2_000, eventName: 'Signed Up' },
      ]);
      bury([{ ...letter(4), diedAtMs: 2_500 }], { destinationId: 'files' });
      bury([{ ...letter(5), diedAtMs: 500 }], { partition: 1 });
      expect(positions({})).toStrictEqual([2, 4, 3, 1, 5]);
      expect(positions({ destinationId: 'hook' })).toStrictEqual([2, 3, 1, 5]);
      expect(positions({ code: 'HTTP_422' })).toStrictEqual([2]);
      expect(positions({ eventName: 'Signed Up' })).toStrictEqual([2, 3]);
      expect(positions({ fromMs: 1_000, toMs: 3_000 })).toStrictEqual([4, 3, 1]);
      expect(positions({ destinationId: 'hook', code: 'HTTP_400', fromMs: 1_500 })).toStrictEqual([3]);
    });

    it('lists page by page, each letter once, those of one moment too', () => {
      bury(Array.from({ length: 7 }, (_, i) => letter(i)));
      const seen: number[] = [];
      let after: DeadListPlace | undefined;
      do {
        const page = reader.deadLetters({}, { maxCount: 3, ...(after && { after }) });
        seen.push(...page.letters.map(({ position }) => position));
        after = page.next;
      } while (after);
      expect(seen).toStrictEqual([6, 5, 4, 3, 2, 1, 0]);
    });

    it('looks at a bounded number for one page or change, and says where to go on', () => {
      const rare = { ...letter(0), code: 'HTTP_422' };
      bury([rare, ...Array.from({ length: DEAD_SCAN_COUNT }, (_, i) => letter(i + 1))]);
      const { letters, next } = reader.deadLetters({ code: rare.code }, ALL);
      expect(letters).toStrictEqual([]);
      expect(reader.deadLetters({ code: rare.code }, { ...ALL, after: next! })).toMatchObject({
        letters: [{ position: 0 }],
      });
      expect(reader.deadLetters({}, { maxCount: 1e6 }).letters).toHaveLength(DEAD_PAGE_MAX_COUNT);
      const first = ledger.changeDead('retry', { filter: {} });
      expect(first.count).toBe(DEAD_SCAN_COUNT);
      expect(ledger.changeDead('retry', { filter: {}, after: first.next! })).toStrictEqual({ count: 1 });
    });

    it('takes letters of which a retry was asked back to pending, with the copy of the event', () => {
      bury([1, 2, 3].map(letter));
      expect(ledger.changeDead('retry', places(3, 1, 9))).toStrictEqual({ count: 2 });
      expect(ledger.changeDead('retry', places(3))).toStrictEqual({ count: 0 });
      const asked = reader.deadLetters({}, ALL).letters.filter((line) => line.retryAskedAtMs !== undefined);
      expect(asked.map(({ position }) => position)).toStrictEqual([3, 1]);
      const revived = [1, 3].map((position) => ({ ...held(position), event: letter(position).event }));
      expect(ledger.revive('hook', 0, ROOM)).toStrictEqual(revived);
      expect(ledger.revive('hook', 0, ROOM)).toStrictEqual([]);
      expect(positions({})).toStrictEqual([2]);
      expect(ledger.load('hook', 0)).toMatchObject({ cursor: 100_000, pending: revived });
      expect(reader.totals()).toMatchObject([
        { dead: { HTTP_400: 1 }, revived: { HTTP_400: 2 }, pendingCount: 2 },
      ]);
      expect(reader.trace(0, 3)).toMatchObject([{ decision: { kind: 'pending', attemptCount: 0 } }]);
    });

    it('takes no more back than there is room for', () => {
      bury([1, 2, 3].map(letter));
      askAll();
      expect(ledger.revive('hook', 0, { maxCount: 5, maxBytes: 0 })).toStrictEqual([]);
      expect(ledger.revive('hook', 0, { maxCount: 0, maxBytes: 100 })).toStrictEqual([]);
      expect(ledger.revive('hook', 0, { maxCount: 5, maxBytes: 1 })).toMatchObject([{ position: 1 }]);
      expect(ledger.revive('hook', 0, { maxCount: 1, maxBytes: 100 })).toMatchObject([{ position: 2 }]);
      expect(positions({})).toStrictEqual([3]);
    });

    it('takes back those of one destination and partition only', () => {
      bury([letter(1)]);
      bury([letter(1)], { destinationId: 'files' });
      bury([letter(1)], { partition: 1 });
      askAll();
      expect(ledger.revive('hook', 1, ROOM)).toMatchObject([{ position: 1 }]);
      expect(ledger.load('hook', 0).pending).toStrictEqual([]);
      expect(reader.deadLetters({}, ALL).letters.map(({ destinationId }) => destinationId)).toStrictEqual([
        'hook',
        'files',
      ]);
    });

    it('keeps the copy while the event is tried, and needs nothing of the log for it', () => {
      bury([letter(1)]);
      askAll();
      ledger.revive('hook', 0, ROOM);
      const retried = { ...held(1), attemptCount: 1, firstAttemptAtMs: 7, notBeforeMs: 9, code: 'TIMEOUT' };
      ledger.commit(settlement({ cursor: 100_000, pending: [retried, held(50)] }));
      expect(ledger.load('hook', 0).pending).toStrictEqual([
        { ...retried, event: letter(1).event },
        held(50),
      ]);
      expect(ledger.neededFrom('hook', 0)).toBe(50);
    });

    it('takes the new decision of an event that was dead', () => {
      bury([1, 2].map(letter));
      askAll();
      ledger.revive('hook', 0, ROOM);
      ledger.commit(settlement({ cursor: 100_000, decisions: [delivered(1)] }));
      const again = { ...letter(2), code: 'HTTP_422', attemptCount: 2, diedAtMs: 9_000 };
      bury([again]);
      expect(reader.trace(0, 1)).toMatchObject([{ decision: { kind: 'delivered' } }]);
      expect(reader.trace(0, 2)).toMatchObject([{ decision: { kind: 'dead', code: 'HTTP_422' } }]);
      expect(reader.totals()).toMatchObject([{ deliveredCount: 1, dead: { HTTP_422: 1 }, pendingCount: 0 }]);
      expect(ledger.load('hook', 0).pending).toStrictEqual([]);
      expect(reader.deadLetters({}, ALL).letters).toMatchObject([{ position: 2, attemptCount: 2 }]);
      expect(ledger.revive('hook', 0, ROOM)).toStrictEqual([]);
    });

    it('drops letters for good, with those of which a retry was asked; they stay dead, and are counted', () => {
      bury([1, 2, 3].map(letter));
      askAll();
      expect(ledger.changeDead('drop', places(1))).toStrictEqual({ count: 1 });
      expect(ledger.changeDead('drop', { filter: { code: 'HTTP_500' } })).toStrictEqual({ count: 0 });
      expect(ledger.changeDead('drop', { filter: { destinationId: 'hook', toMs: 5_001 } }).count).toBe(2);
      expect(positions({})).toStrictEqual([]);
      expect(ledger.revive('hook', 0, ROOM)).toStrictEqual([]);
      expect(reader.totals()).toMatchObject([{ dead: { HTTP_400: 3 }, dropped: { HTTP_400: 3 } }]);
      expect(reader.trace(0, 1)).toMatchObject([{ decision: { kind: 'dead', code: 'HTTP_400' } }]);
    });

    it('leaves an event alone that is not dead', () => {
      ledger.commit(settlement({ cursor: 9, decisions: [filtered(1), delivered(2)], pending: [held(3)] }));
      expect(ledger.changeDead('retry', places(1, 2, 3))).toStrictEqual({ count: 0 });
      expect(ledger.changeDead('drop', places(1, 2, 3))).toStrictEqual({ count: 0 });
      expect(ledger.load('hook', 0).pending).toStrictEqual([held(3)]);
    });

    it('is changed by the router alone that opened the ledger last', () => {
      bury([letter(1)]);
      askAll();
      const successor = store.open();
      expect(() => ledger.changeDead('drop', { filter: {} })).toThrow(EpochError);
      expect(() => ledger.revive('hook', 0, ROOM)).toThrow(EpochError);
      expect(positions({})).toStrictEqual([1]);
      successor.close();
    });
  });
}

function places(...positions: number[]): DeadSelection {
  return { places: positions.map((position) => ({ destinationId: 'hook', partition: 0, position })) };
}
