import { describe, expect, it } from 'vitest';
import { differences } from './differences.ts';

const was = {
  event: 'Order Completed',
  properties: { total: 39.95, at: '2026-03-10T12:00:00.000Z', items: [{ sku: 'a', count: 2 }, { sku: 'b' }] },
};

describe('differences', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['some of the keys', { properties: { total: 39.95 } }],
    ['some of the keys of elements', { properties: { items: [{ sku: 'a' }, {}] } }],
    ['a date, which went as text', { properties: { at: new Date('2026-03-10T12:00:00Z') } }],
    ['that a key is absent', { properties: { coupon: undefined } }],
    ['what only an own key could have', { properties: { constructor: undefined } }],
    ['a matcher of Vitest', { properties: { total: expect.any(Number), items: expect.arrayContaining([]) } }],
  ])('has none where it asks for %s', (_, wanted) => {
    expect(differences(wanted, was)).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    ['another value', { properties: { total: 39.9 } }, ['properties.total']],
    ['another type', { properties: { total: '39.95' } }, ['properties.total']],
    ['an absent key', { properties: { coupon: 'x' } }, ['properties.coupon']],
    ['the absence of a key that is there', { event: undefined }, ['event']],
    ['fewer elements', { properties: { items: [{ sku: 'a' }] } }, ['properties.items']],
    [
      'another element',
      { properties: { items: [{ count: 3 }, { sku: 'c' }] } },
      ['properties.items.0.count', 'properties.items.1.sku'],
    ],
    ['an array for an object', { properties: [] }, ['properties']],
    ['an object for an array', { properties: { items: { 0: {} } } }, ['properties.items']],
    ['null', { properties: null }, ['properties']],
    ['what a matcher refuses', { properties: { total: expect.any(String) } }, ['properties.total']],
    ['two things', { event: 'x', properties: { total: 1 } }, ['event', 'properties.total']],
  ])('says where, for %s', (_, wanted, paths) => {
    expect(differences(wanted, was).map(({ path }) => path.join('.'))).toEqual(paths);
  });

  it('takes numbers as they went: NaN as null, -0 as 0', () => {
    const sent = JSON.parse(JSON.stringify({ ratio: NaN, delta: -0 })) as unknown;
    expect(differences({ ratio: NaN, delta: -0 }, sent)).toEqual([]);
  });
});
