import { expect, test } from 'vitest';
import { detailGroups, detailTrees } from './event-details.ts';
import { received, refused } from './fakes.ts';

const rowsOf = (...given: Parameters<typeof detailGroups>) =>
  Object.fromEntries(detailGroups(...given).map(({ title, rows }) => [title, rows.map(({ name }) => name)]));

test('tells who, what and when', () => {
  const event = received(5, {
    type: 'track',
    event: 'Order Completed',
    userId: 'u',
    anonymousId: null,
    messageId: 'm',
    timestamp: '2026-01-01T00:00:00.000Z',
    sentAt: '2026-01-01T00:00:01.000Z',
  });
  expect(rowsOf(event, 'Web shop')).toEqual({
    Who: ['userId'],
    What: ['type', 'event', 'messageId', 'source'],
    When: ['timestamp', 'sentAt', 'receivedAt'],
  });
});

test('says when the timestamp could not be corrected', () => {
  const event = { ...received(5, { timestamp: '1999-01-01T00:00:00.000Z' }), timestampSkewed: true };
  const when = detailGroups(event, undefined).find(({ title }) => title === 'When');
  expect(when?.rows[0]?.note).toContain('off by more than a day');
});

test('a request that could not be read is told by what the collector knows', () => {
  expect(rowsOf(refused(5, { sdk: 'analytics-node/6.2.0' }), undefined)).toEqual({
    What: ['sdk', 'size'],
    When: ['receivedAt'],
  });
});

test('shows every object as a tree, the known ones first, and every other field', () => {
  const event = received(5, {
    custom: { a: 1 },
    context: { ip: '::1' },
    properties: { total: 1 },
    traits: {},
    channel: 'server',
    type: 'track',
  });
  expect(detailTrees(event)).toEqual([
    { name: 'properties', value: { total: 1 } },
    { name: 'context', value: { ip: '::1' } },
    { name: 'custom', value: { a: 1 } },
    { name: 'Other fields', value: { channel: 'server' } },
  ]);
});
