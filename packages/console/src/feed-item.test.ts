import { expect, test } from 'vitest';
import { received, refused } from './fakes.ts';
import { toFeedItem } from './feed-item.ts';

test.each([
  [{ type: 'track', event: 'Order Completed' }, 'Order Completed'],
  [{ type: 'page', category: 'Docs', name: 'Home' }, 'Docs · Home'],
  [{ type: 'page', properties: { path: '/pricing' } }, '/pricing'],
  [{ type: 'screen', name: 'Settings' }, 'Settings'],
  [{ type: 'identify', traits: { email: 'a@example.com', plan: 'Pro' } }, 'email, plan'],
  [{ type: 'group', groupId: 'acme' }, 'acme'],
  [{ type: 'alias', previousId: 'old', userId: 'new' }, 'old → new'],
  [{ type: 'track', event: { not: 'a name' } }, ''],
  [{ type: 'identify', traits: null }, ''],
])('%j is titled %j', (event, title) => {
  expect(toFeedItem(received(1, event), 1).title).toBe(title);
});

test('shows the user, else who it was before there was one', () => {
  expect(toFeedItem(received(1, { userId: 'u', anonymousId: 'a' }), 1).who).toBe('u');
  expect(toFeedItem(received(1, { userId: null, anonymousId: 'a' }), 1).who).toBe('a');
});

test('a refused event without a body is told by what the collector knows', () => {
  const item = toFeedItem(refused(1, { type: 'track', eventName: 'Signed In', messageId: 'M-1' }), 1);
  expect(item).toMatchObject({ type: 'track', title: 'Signed In', who: '' });
  expect(item.searchText).toContain('m-1');
  expect(item.searchText).toContain('invalid_json');
});

test.each(['', 'no json', '[1]', '"text"', 'null'])('a body like %j does no harm', (json) => {
  expect(toFeedItem({ ...received(1), json }, 1)).toMatchObject({ type: '', title: '', who: '' });
});
