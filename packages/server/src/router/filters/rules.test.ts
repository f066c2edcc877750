import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SegmentEvent } from '@millrace/spec';
import type { Condition, EventFilter } from '../../destinations/destination.ts';
import { trackEvent } from '../test-rig.ts';
import { rulesOf } from './rules.ts';
import { placeOf } from './sampling.ts';

const ordered = trackEvent('m1', { event: 'Ordered', userId: 'ada', properties: { total: 5 } });
const home: SegmentEvent = {
  ...trackEvent('m2', { type: 'page', name: 'Home' }),
  event: 'Ordered elsewhere',
};

const emptying: Condition = (event) => {
  event.properties = {};
  return false;
};

/** The event as it is delivered under the filters, or the code. */
function outcomeOf(filters: readonly EventFilter[], event: SegmentEvent = ordered): unknown {
  const rules = rulesOf(filters);
  const code = rules.codeOf(event);
  if (code) return code;
  const copy = structuredClone(event);
  rules.shape(copy, event);
  return copy;
}

describe('a condition', () => {
  it.each<[string, Condition, boolean, boolean]>([
    ['FQL', 'event = "Ordered" and properties.total > 4', true, false],
    ['types', { types: ['page', 'screen'] }, false, true],
    ['names of calls', { names: ['Ordered'] }, true, false],
    ['names of pages', { names: ['Home', 'Checkout'] }, false, true],
    ['all of its parts', { types: ['page'], names: ['Home'], fql: 'userId = "nobody"' }, false, false],
    ['a function', ({ type }) => type === 'page', false, true],
  ])('may be %s', (_, when, ofOrdered, ofHome) => {
    const filters: EventFilter[] = [{ action: 'drop', when }];
    expect(rulesOf(filters).codeOf(ordered)).toBe(ofOrdered ? 'FILTERED_BY_RULES' : undefined);
    expect(rulesOf(filters).codeOf(home)).toBe(ofHome ? 'FILTERED_BY_RULES' : undefined);
  });

  it('takes no name of a group for what happened', () => {
    const group = trackEvent('g', { type: 'group', name: 'Home' });
    expect(rulesOf([{ action: 'drop', when: { names: ['Home'] } }]).codeOf(group)).toBeUndefined();
  });

  it('that is an async function throws, since it would always be true', () => {
    const when = (async () => false) as unknown as Condition;
    expect(() => rulesOf([{ action: 'drop', when }]).codeOf(ordered)).toThrow('must return true or false');
  });

  it('that changes the event changes a copy', () => {
    const before = structuredClone(ordered);
    rulesOf([{ action: 'drop', when: emptying }]).codeOf(ordered);
    expect(ordered).toEqual(before);
  });
});

describe('filters', () => {
  it('deliver what they say nothing of', () => {
    expect(outcomeOf([])).toEqual(ordered);
    expect(rulesOf()).toMatchObject({ runsCode: false, shapes: false });
  });

  it('of fields leave what they do not name, and go through lists', () => {
    const event = trackEvent('m', {
      properties: { plan: 'pro', card: { number: 1, kind: 'x' }, items: [{ sku: 1, price: 2 }, 'odd'] },
      traits: { email: 'a@b' },
      context: { ip: '::1', page: { path: '/' } },
    });
    expect(
      outcomeOf(
        [
          {
            action: 'blockFields',
            fields: ['properties.card.number', 'properties.items.price', 'context.ip', 'traits.x.y'],
          },
        ],
        event,
      ),
    ).toEqual({
      ...event,
      properties: { plan: 'pro', card: { kind: 'x' }, items: [{ sku: 1 }, 'odd'] },
      context: { page: { path: '/' } },
    });
    expect(
      outcomeOf(
        [
          {
            action: 'allowFields',
            fields: ['properties.card', 'properties.card.kind', 'properties.items.sku', 'traits.plan'],
          },
        ],
        event,
      ),
    ).toEqual({ ...event, properties: { card: { number: 1, kind: 'x' }, items: [{ sku: 1 }] }, traits: {} });
  });

  it('of fields take `__proto__` for a name like any other', () => {
    const event = JSON.parse('{"type":"track","properties":{"__proto__":{"a":1,"b":2}}}') as SegmentEvent;
    const allowed = outcomeOf([{ action: 'allowFields', fields: ['properties.__proto__.a'] }], event);
    expect(JSON.stringify(allowed)).toBe('{"type":"track","properties":{"__proto__":{"a":1}}}');
    const blocked = outcomeOf([{ action: 'blockFields', fields: ['properties.__proto__.a'] }], event);
    expect(JSON.stringify(blocked)).toBe('{"type":"track","properties":{"__proto__":{"b":2}}}');
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('see the event as it was received, also where an earlier one took the field', () => {
    const filters: EventFilter[] = [
      { action: 'blockFields', fields: ['properties.total'] },
      { action: 'allowFields', fields: ['properties.none'], when: 'properties.total = 5' },
    ];
    expect(outcomeOf(filters)).toMatchObject({ properties: {} });
    const other = { ...ordered, properties: { total: 6, kept: 1 } };
    expect(outcomeOf(filters, other)).toMatchObject({ properties: { kept: 1 } });
  });

  const none: EventFilter[] = [
    { action: 'allowFields', fields: ['properties.total', 'properties.secret'] },
    { action: 'blockFields', fields: ['properties.secret'] },
    { action: 'drop', when: 'event = "Ping"' },
    { action: 'only', when: { types: ['track'] } },
    { action: 'sample', percent: 0, when: 'event = "Noise"' },
  ];
  it('apply in the order of Segment, whatever their order in the config', () => {
    const event = { ...ordered, properties: { total: 1, secret: 2, other: 3 } };
    fc.assert(
      fc.property(fc.shuffledSubarray(none, { minLength: none.length }), (filters) => {
        expect(outcomeOf(filters, event)).toEqual({ ...ordered, properties: { total: 1 } });
        expect(outcomeOf(filters, { ...event, event: 'Ping' })).toBe('FILTERED_BY_RULES');
        expect(outcomeOf(filters, home)).toBe('FILTERED_BY_RULES');
        expect(
          outcomeOf([...filters, { action: 'drop', when: 'event = "Noise"' }], { ...event, event: 'Noise' }),
        ).toBe('FILTERED_BY_SAMPLING');
      }),
    );
  });
});

describe('a sample', () => {
  const users = Array.from({ length: 4_000 }, (_, i) => `user-${i}`);
  const delivered = (percent: number): string[] => {
    const rules = rulesOf([{ action: 'sample', percent }]);
    return users.filter((userId) => rules.codeOf(trackEvent(`m-${userId}`, { userId })) === undefined);
  };

  it('is about as many users as it says, and those of a smaller one are in a larger one', () => {
    const ten = delivered(10);
    expect(ten.length).toBeGreaterThan(320);
    expect(ten.length).toBeLessThan(480);
    expect(new Set(delivered(40))).toEqual(new Set([...delivered(40), ...ten]));
    expect([delivered(0).length, delivered(100).length]).toEqual([0, users.length]);
  });

  it('has all events of a user or none, by the userId first', () => {
    const place = placeOf(trackEvent('a', { userId: 'u', anonymousId: 'x' }));
    expect(placeOf(trackEvent('b', { userId: 'u', anonymousId: 'y' }))).toBe(place);
    expect(placeOf(trackEvent('c', { userId: null, anonymousId: 'u' }))).toBe(place);
    expect(placeOf(trackEvent('d', { userId: null }))).not.toBe(placeOf(trackEvent('e', { userId: null })));
  });
});
