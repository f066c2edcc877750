import { describe, expect, it, vi } from 'vitest';
import { analyticsError } from './errors.ts';
import type { Callback, OutgoingEvent } from './outgoing.ts';
import { Settlement, type Fence, type Settled } from './settlement.ts';

const kept = analyticsError('SPOOL_KEPT', 'kept');
const now = new Date(0);

function settlement(): { settlement: Settlement; settled: Settled[]; isIdle: () => boolean } {
  const settled: Settled[] = [];
  let idleCount = 0;
  return {
    settlement: new Settlement({ onSettled: (some) => settled.push(some), onIdle: () => (idleCount += 1) }),
    settled,
    isIdle: () => idleCount > 0,
  };
}
const events = (count: number, callback?: OutgoingEvent['callback']): OutgoingEvent[] =>
  Array.from({ length: count }, () => ({ json: '{}', bytes: 2, callback }));
const delivered = (from: number, count: number): Settled => ({
  from,
  events: events(count),
  timestamp: now,
  sentAt: now,
  error: undefined,
});
const fenceOf = (settlement: Settlement, insideCount = 0): { fence: Fence; isDone: () => boolean } => {
  let isDone = false;
  const fence = settlement.fence(() => {
    isDone = true;
  }, insideCount);
  return { fence, isDone: () => isDone };
};

describe('events that a spool keeps', () => {
  it('end the wait of their callbacks and of the flushes that cover them', async () => {
    const { settlement: it, isIdle } = settlement();
    const callback = vi.fn<Callback>();
    it.open(5);
    const early = fenceOf(it);
    it.open(5);
    const late = fenceOf(it);
    it.settle(delivered(0, 3));
    it.keep({ ranges: [{ from: 3, end: 10 }], callbacks: [callback] }, kept);
    await vi.waitFor(() => expect(late.isDone()).toBe(true));
    expect(early.isDone()).toBe(true);
    expect([early.fence.error, early.fence.sentCount, late.fence.sentCount]).toEqual([kept, 3, 3]);
    expect(callback.mock.calls).toEqual([[kept]]);
    expect([it.openCount, isIdle()]).toEqual([0, true]);
  });

  it('do not fail a flush that does not cover them', async () => {
    const { settlement: it } = settlement();
    it.open(2);
    const early = fenceOf(it);
    it.open(2);
    it.keep({ ranges: [{ from: 2, end: 4 }], callbacks: [] }, kept);
    it.settle(delivered(0, 2));
    await vi.waitFor(() => expect(early.isDone()).toBe(true));
    expect(early.fence.error).toBeUndefined();
  });

  it('are told of to listeners when they are delivered, and to nobody else', async () => {
    const { settlement: it, settled } = settlement();
    it.open(1);
    it.keep({ ranges: [{ from: 0, end: 1 }], callbacks: [] }, kept);
    it.open(1);
    const later = fenceOf(it);
    it.settle({ ...delivered(0, 1), isTold: true });
    await vi.waitFor(() => expect(settled).toHaveLength(1));
    expect([it.openCount, later.isDone(), later.fence.sentCount]).toEqual([1, false, 0]);
  });
});

describe('a flush that waits for events in plugins', () => {
  it('still waits for those when places before them are passed over or taken by a spool', async () => {
    const { settlement: it } = settlement();
    const { fence, isDone } = fenceOf(it, 1);
    it.skip(3);
    it.insert(2);
    it.arrive();
    it.open(1);
    it.settle(delivered(3, 2));
    await vi.waitFor(() => expect(fence.sentCount).toBe(2));
    expect(isDone()).toBe(false);
    it.settle(delivered(5, 1));
    await vi.waitFor(() => expect(isDone()).toBe(true));
  });
});
