import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES, type EventType } from './event.ts';
import { MESSAGE_TOO_LARGE, NOT_AN_OBJECT, faultOfCall, faultOfEvent } from './validation.ts';

/** The validator that `analytics-node` 6.2 calls, as the e2e workspace has it installed. */
const fromE2e = createRequire(new URL('../../../e2e/package.json', import.meta.url));
const fromLegacy = createRequire(fromE2e.resolve('analytics-node'));
const legacyValidate = fromLegacy('@segment/loosely-validate-event') as (
  message: unknown,
  type: EventType,
) => void;

function legacyFault(type: EventType, message: unknown): string | undefined {
  try {
    legacyValidate(message, type);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

class Visitor {
  userId = 'u1';
  event = 'Signed Up';
}

/** Values that the type names of the legacy validator tell apart. */
const ODD_VALUES: readonly unknown[] = [
  undefined,
  null,
  '',
  'text',
  0,
  7,
  Number.NaN,
  Infinity,
  true,
  false,
  {},
  { a: 1 },
  [],
  ['a'],
  new Date(0),
  new Date(Number.NaN),
  /x/,
  new Error('no'),
  new Map(),
  new Visitor(),
  Object.create(null),
  Object('boxed'),
  Object(9),
  Buffer.from('b'),
  { nodeType: 1 },
  { _isBuffer: true },
  { valueOf: () => 12 },
  { valueOf: () => 'id' },
  () => 'function',
  Symbol('s'),
];

const FIELDS = [
  'anonymousId',
  'category',
  'context',
  'event',
  'groupId',
  'integrations',
  'name',
  'previousId',
  'timestamp',
  'type',
  'userId',
  'properties',
];

describe('faultOfCall', () => {
  const identity = '"anonymousId" or a "userId".';
  it.each<[EventType, Record<string, unknown>, string | undefined]>([
    ['track', { userId: 'u', event: 'e' }, undefined],
    ['track', { userId: 1, event: 'e' }, undefined],
    ['track', {}, `You must pass either an ${identity}`],
    ['track', { userId: 0, event: 'e' }, `You must pass either an ${identity}`],
    ['track', { userId: '', event: 'e' }, `You must pass either an ${identity}`],
    ['track', { userId: 'u' }, 'You must pass an "event".'],
    ['identify', {}, `You must pass either an ${identity}`],
    ['page', {}, `You must pass either an ${identity}`],
    ['screen', {}, `You must pass either an ${identity}`],
    ['group', {}, `You must pass either an ${identity}`],
    ['group', { anonymousId: 'a' }, 'You must pass a "groupId".'],
    ['alias', { anonymousId: 'a' }, 'You must pass a "userId".'],
    ['alias', { userId: 'u' }, 'You must pass a "previousId".'],
    ['track', { userId: {} }, '"userId" must be a string or number.'],
    ['track', { anonymousId: [] }, '"anonymousId" must be a string or number.'],
    ['track', { userId: {}, anonymousId: [] }, '"anonymousId" must be a string or number.'],
    ['track', { groupId: true }, '"groupId" must be a string or number.'],
    ['alias', { previousId: true }, '"previousId" must be a string or number.'],
    ['page', { category: 1 }, '"category" must be a string.'],
    ['page', { name: 1 }, '"name" must be a string.'],
    ['track', { event: 1 }, '"event" must be a string.'],
    ['track', { type: 1 }, '"type" must be a string.'],
    ['track', { context: [] }, '"context" must be an object.'],
    ['track', { integrations: [] }, '"integrations" must be an object.'],
    ['track', { timestamp: '2020-01-01' }, '"timestamp" must be a date.'],
    ['track', { timestamp: new Date(Number.NaN), userId: 'u', event: 'e' }, undefined],
  ])('says of %s(%j): %s', (type, message, fault) => {
    expect(faultOfCall(type, message)).toBe(fault);
  });

  it.each([undefined, null, 'a', 1, [], new Date(), new Error('no'), () => ({})])(
    'takes %s for no message',
    (message) => {
      expect(faultOfCall('track', message)).toBe(NOT_AN_OBJECT);
    },
  );

  it('says what analytics-node says, in the same order', () => {
    const message = fc.dictionary(fc.constantFrom(...FIELDS), fc.constantFrom(...ODD_VALUES));
    fc.assert(
      fc.property(fc.constantFrom(...EVENT_TYPES), message, (type, message) => {
        expect(faultOfCall(type, message)).toBe(legacyFault(type, message));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(EVENT_TYPES)('says what analytics-node says of odd values given to %s', (type) => {
    const valid = { userId: 'u', event: 'e', groupId: 'g', previousId: 'p' };
    for (const value of ODD_VALUES) {
      for (const field of FIELDS) {
        const message = { ...valid, [field]: value };
        expect([field, value, faultOfCall(type, message)]).toEqual([
          field,
          value,
          legacyFault(type, message),
        ]);
      }
    }
  });

  it('has the legacy words for a message that is too large', () => {
    expect(legacyFault('track', { userId: 'u', event: 'é'.repeat(16_384) })).toBe(MESSAGE_TOO_LARGE);
  });
});

describe('faultOfEvent', () => {
  const track = { type: 'track', userId: 'u', event: 'e' };
  it.each<[unknown, string | undefined]>([
    [track, undefined],
    [{ ...track, userId: null, anonymousId: 'a' }, undefined],
    [{ ...track, timestamp: '2026-11-23T10:00:00Z', sentAt: '2026-11-23T10:00:00.000Z' }, undefined],
    [{ ...track, properties: null, traits: {} }, undefined],
    [{ type: 'alias', userId: 'u' }, undefined],
    [{ type: 'group', userId: 'u' }, undefined],
    [null, 'invalid_event'],
    ['track', 'invalid_event'],
    [[], 'invalid_event'],
    [{ userId: 'u' }, 'missing_type'],
    [{ type: null, userId: 'u' }, 'missing_type'],
    [{ type: 'Track', userId: 'u' }, 'invalid_type'],
    [{ type: 7, userId: 'u' }, 'invalid_type'],
    [{ ...track, messageId: '' }, 'invalid_message_id'],
    [{ ...track, messageId: 7 }, 'invalid_message_id'],
    [{ ...track, messageId: 'm'.repeat(100) }, undefined],
    [{ ...track, messageId: 'm'.repeat(101) }, 'invalid_message_id'],
    [{ ...track, userId: 7 }, 'id_not_string'],
    [{ ...track, anonymousId: {} }, 'id_not_string'],
    [{ ...track, timestamp: 'yesterday' }, 'invalid_timestamp'],
    [{ ...track, timestamp: 1_700_000_000_000 }, 'invalid_timestamp'],
    [{ ...track, sentAt: 'now' }, 'invalid_timestamp'],
    [{ type: 'track', event: 'e' }, 'no_user_anon_id'],
    [{ ...track, userId: '' }, 'no_user_anon_id'],
    [{ type: 'track', userId: 'u' }, 'event_not_defined'],
    [{ ...track, event: '' }, 'event_not_defined'],
    [{ ...track, event: 7 }, 'event_not_string'],
    [{ type: 'identify', userId: 'u', event: 7 }, undefined],
    [{ ...track, name: 7 }, 'name_not_string'],
    [{ ...track, properties: [] }, 'properties_not_object'],
    [{ type: 'identify', userId: 'u', traits: 'x' }, 'traits_not_object'],
  ])('says of %j: %s', (event, code) => {
    expect(faultOfEvent(event)).toBe(code);
  });

  it('never throws, whatever JSON it is given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const fault = faultOfEvent(value);
        expect(fault === undefined || typeof fault === 'string').toBe(true);
      }),
    );
  });
});
