import { describe, expect, test } from 'vitest';
import { FEED_MAX_COUNT, emptyFeed, transition, type FeedState } from './feed.ts';
import { received, refused } from './fakes.ts';
import type { FeedEvent } from './wire.ts';

const arrive = (state: FeedState, events: FeedEvent[], skippedCount = 0): FeedState =>
  transition(state, { type: 'arrived', events, skippedCount });
const times = ({ items }: FeedState) => items.map(({ event }) => event.receivedAtMs);

describe('live', () => {
  test('the newest stands first, also when messages overtake each other', () => {
    let state = arrive(emptyFeed, [received(10), received(20), received(40)]);
    state = arrive(state, [refused(30), received(50)]);
    expect(times(state)).toEqual([50, 40, 30, 20, 10]);
  });

  test('of one moment, what arrived last stands first', () => {
    const state = arrive(arrive(emptyFeed, [received(1, { event: 'a' }), received(1, { event: 'b' })]), [
      received(1, { event: 'c' }),
    ]);
    expect(state.items.map(({ title }) => title)).toEqual(['c', 'b', 'a']);
  });

  test('no key is given twice', () => {
    let state = arrive(emptyFeed, [received(1), received(2)]);
    state = transition(state, { type: 'cleared' });
    state = arrive(state, [received(3)]);
    state = arrive(state, [received(4)]);
    expect(state.items.map(({ key }) => key)).toEqual([4, 3]);
  });

  test('the oldest leave at the bound', () => {
    const events = Array.from({ length: FEED_MAX_COUNT }, (_, index) => received(index));
    const state = arrive(arrive(emptyFeed, events), [received(FEED_MAX_COUNT)]);
    expect(state.items).toHaveLength(FEED_MAX_COUNT);
    expect(times(state).at(0)).toBe(FEED_MAX_COUNT);
    expect(times(state).at(-1)).toBe(1);
  });

  test('what was skipped adds up', () => {
    expect(arrive(arrive(emptyFeed, [], 3), [received(1)], 4).skippedCount).toBe(7);
  });
});

describe('paused', () => {
  const paused = transition(arrive(emptyFeed, [received(1)]), { type: 'paused' });

  test('the list stands still and what waits is counted', () => {
    const state = arrive(paused, [received(2), received(3)]);
    expect(times(state)).toEqual([1]);
    expect(state.flow).toMatchObject({ kind: 'paused', heldCount: 2 });
  });

  test('what waits is bounded, its count is not', () => {
    const events = Array.from({ length: FEED_MAX_COUNT + 5 }, (_, index) => received(index));
    const { flow } = arrive(paused, events);
    expect(flow).toMatchObject({ kind: 'paused', heldCount: FEED_MAX_COUNT + 5 });
    expect(flow.kind === 'paused' && flow.held.length).toBe(FEED_MAX_COUNT);
  });

  test('resuming shows all that waited', () => {
    const state = transition(arrive(paused, [received(2), received(3)]), { type: 'resumed' });
    expect(times(state)).toEqual([3, 2, 1]);
    expect(state.flow).toEqual({ kind: 'live' });
  });

  test('pausing twice keeps what waits', () => {
    const state = arrive(paused, [received(2)]);
    expect(transition(state, { type: 'paused' })).toBe(state);
  });

  test('clearing drops the list and what waits, and stays paused', () => {
    const state = transition(arrive(paused, [received(2)], 9), { type: 'cleared' });
    expect(state).toMatchObject({ items: [], skippedCount: 0, flow: { kind: 'paused', heldCount: 0 } });
  });
});

test('resuming what runs changes nothing', () => {
  expect(transition(emptyFeed, { type: 'resumed' })).toBe(emptyFeed);
});
