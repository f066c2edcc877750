import { toFeedItem, type FeedItem } from './feed-item.ts';
import type { FeedEvent } from './wire.ts';

/** Older items leave the page's memory; the log keeps them. */
export const FEED_MAX_COUNT = 2_000;

export interface FeedState {
  flow: Flow;
  /** Newest first, at most {@link FEED_MAX_COUNT}. */
  items: readonly FeedItem[];
  /** Events that came faster than they are shown, since the list was last cleared. */
  skippedCount: number;
  nextKey: number;
}

type Flow =
  | { kind: 'live' }
  /** The list stands still; what arrives waits, newest first, within the same bound. */
  | { kind: 'paused'; held: readonly FeedItem[]; heldCount: number };

export type FeedAction =
  | { type: 'arrived'; events: readonly FeedEvent[]; skippedCount: number }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'cleared' };

export const emptyFeed: FeedState = { flow: { kind: 'live' }, items: [], skippedCount: 0, nextKey: 1 };

export function transition(state: FeedState, action: FeedAction): FeedState {
  const { flow } = state;
  switch (action.type) {
    case 'arrived': {
      const fresh = action.events.map((event, index) => toFeedItem(event, state.nextKey + index));
      const counted = {
        nextKey: state.nextKey + fresh.length,
        skippedCount: state.skippedCount + action.skippedCount,
      };
      if (flow.kind === 'live') return { ...state, ...counted, items: merge(fresh, state.items) };
      const held = merge(fresh, flow.held);
      return { ...state, ...counted, flow: { ...flow, held, heldCount: flow.heldCount + fresh.length } };
    }
    case 'paused':
      return flow.kind === 'paused' ? state : { ...state, flow: { kind: 'paused', held: [], heldCount: 0 } };
    case 'resumed':
      if (flow.kind === 'live') return state;
      return { ...state, flow: { kind: 'live' }, items: merge(flow.held, state.items) };
    case 'cleared':
      return {
        ...state,
        items: [],
        skippedCount: 0,
        flow: flow.kind === 'live' ? flow : { kind: 'paused', held: [], heldCount: 0 },
      };
    default:
      return action satisfies never;
  }
}

/**
 * Newest first by when the collector received it, then by arrival: received and refused events
 * come in separate messages and may overtake each other by a little.
 */
function merge(fresh: readonly FeedItem[], items: readonly FeedItem[]): readonly FeedItem[] {
  if (fresh.length === 0) return items;
  const sorted = fresh.toSorted(newestFirst);
  const oldestFresh = sorted.at(-1)!;
  const firstOlder = items.findIndex((item) => newestFirst(oldestFresh, item) < 0);
  const overlap = firstOlder === -1 ? items.length : firstOlder;
  const head = [...sorted, ...items.slice(0, overlap)].toSorted(newestFirst);
  return [...head, ...items.slice(overlap)].slice(0, FEED_MAX_COUNT);
}

function newestFirst(a: FeedItem, b: FeedItem): number {
  return b.event.receivedAtMs - a.event.receivedAtMs || b.key - a.key;
}
