import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';

test('a cursor comes back as it was', () => {
  const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const cursors = fc.record({
    positions: fc
      .uniqueArray(fc.tuple(fc.nat({ max: 99 }), count), {
        selector: ([partition]) => partition,
        maxLength: 8,
      })
      .map((entries): Record<number, number> => Object.fromEntries(entries)),
    refused: fc.record({ runId: count.map(String), seq: count }),
  });
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor);
    }),
  );
});

test.each([
  undefined,
  '',
  '/',
  '0:1',
  '0:1/',
  '0:-1/1:2',
  '0:1/1:2/3',
  '0:1.5/1:2',
  '0:99999999999999999999/1:2',
  '__proto__:1/1:2',
])('%j is no cursor', (text) => {
  expect(decodeCursor(text)).toBeUndefined();
});

test('a cursor longer than any of ours is none', () => {
  expect(decodeCursor(`${'0:1,'.repeat(2_000)}0:1/1:2`)).toBeUndefined();
});

test('anything from outside decodes or does not, without throwing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => decodeCursor(text)).not.toThrow();
    }),
  );
});
