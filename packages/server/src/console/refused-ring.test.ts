import { expect, test, vi } from 'vitest';
import type { Refusal } from '../collector/refusal.ts';
import { createRefusedRing } from './refused-ring.ts';

const refusal = (given: Partial<Refusal> = {}): Refusal => ({
  code: 'no_user_anon_id',
  receivedAtMs: 1,
  sizeBytes: 10,
  ...given,
});

test('gives what came after a number, oldest first, in the steps that are asked for', () => {
  const ring = createRefusedRing({ runId: '1' });
  for (const messageId of ['a', 'b', 'c']) ring.add(refusal({ messageId }));

  const first = ring.after(0, 2);
  expect(first.events.map(({ messageId }) => messageId)).toEqual(['a', 'b']);
  const second = ring.after(first.lastSeq, 2);
  expect(second.events.map(({ messageId }) => messageId)).toEqual(['c']);
  expect(ring.after(second.lastSeq, 2)).toEqual({ events: [], lastSeq: 3, lostCount: 0 });
});

test('keeps the newest within its count and says how many are gone', () => {
  const ring = createRefusedRing({ runId: '1', maxCount: 2 });
  for (const messageId of ['a', 'b', 'c', 'd']) ring.add(refusal({ messageId }));

  const { events, lostCount } = ring.after(1, 10);
  expect(events.map(({ messageId }) => messageId)).toEqual(['c', 'd']);
  expect(lostCount).toBe(1);
});

test('keeps the bodies within its bytes; one that is larger alone goes without', () => {
  const ring = createRefusedRing({ runId: '1', maxBytes: 100 });
  ring.add(refusal({ messageId: 'a', sizeBytes: 60, event: { a: 1 } }));
  ring.add(refusal({ messageId: 'b', sizeBytes: 60, event: { b: 1 } }));
  ring.add(refusal({ messageId: 'c', sizeBytes: 500, event: { c: 1 } }));

  expect(ring.after(0, 10).events.map(({ messageId, json }) => [messageId, json])).toEqual([
    ['b', '{"b":1}'],
    ['c', undefined],
  ]);
});

test('counts each code exactly, duplicates apart, whatever it still holds', () => {
  const ring = createRefusedRing({ runId: '1', maxCount: 1 });
  ring.add(refusal({ code: 'duplicate' }));
  ring.add(refusal({ code: 'invalid_json' }));
  ring.add(refusal({ code: 'invalid_json' }));

  expect(ring.counts()).toEqual({ duplicateCount: 1, refusedCount: 2, refused: { invalid_json: 2 } });
});

test('gives the code in words', () => {
  const ring = createRefusedRing({ runId: '1' });
  ring.add(refusal({ code: 'invalid_json' }));
  expect(ring.after(0, 1).events[0]?.reason).toBe('the request body is not valid JSON');
});

test('tells its listeners until they stop', () => {
  const ring = createRefusedRing({ runId: '1' });
  const listener = vi.fn<() => void>();
  const stop = ring.onAdd(listener);
  ring.add(refusal());
  stop();
  ring.add(refusal());
  expect(listener).toHaveBeenCalledTimes(1);
});
