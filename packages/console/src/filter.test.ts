import { expect, test } from 'vitest';
import { received, refused } from './fakes.ts';
import { toFeedItem } from './feed-item.ts';
import { filterItems } from './filter.ts';

const items = [
  toFeedItem(received(1, { type: 'track', event: 'Order Completed', userId: 'Ada', messageId: 'm-1' }), 1),
  toFeedItem(received(2, { type: 'page', name: 'Home', anonymousId: 'anon-7' }), 2),
  toFeedItem(refused(3, { code: 'no_user_anon_id' }), 3),
];
const keysOf = (...[kind, query]: ['all' | 'received' | 'refused', string]) =>
  filterItems(items, kind, query).map(({ key }) => key);

test.each([
  ['', [1, 2, 3]],
  ['order', [1]],
  ['ada', [1]],
  ['M-1', [1]],
  ['page', [2]],
  ['anon', [2, 3]],
  ['track completed', [1]],
  ['completed page', []],
  ['no_user', [3]],
] as const)('%j finds %j', (query, keys) => {
  expect(keysOf('all', query)).toEqual(keys);
});

test('narrows to what was kept or refused', () => {
  expect(keysOf('received', '')).toEqual([1, 2]);
  expect(keysOf('refused', 'anon')).toEqual([3]);
});

test('without a filter the list stays the same one, so that nothing is drawn anew', () => {
  expect(filterItems(items, 'all', '  ')).toBe(items);
});
