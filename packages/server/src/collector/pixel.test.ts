import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventOfQuery } from './pixel.ts';

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');
const read = (query: Record<string, string> | string) => eventOfQuery(new URLSearchParams(query));

it('reads base64 of an event', () => {
  const event = { userId: 'u', event: 'Opened', properties: { subject: 'Grüße' } };
  expect(read({ data: base64(event) })).toEqual(event);
});

it('reads a field for each key, with dots for those below', () => {
  expect(read('userId=u&event=Opened&properties.subject=Hi&properties.a.b=1&properties.a.c=2')).toEqual({
    userId: 'u',
    event: 'Opened',
    properties: { subject: 'Hi', a: { b: '1', c: '2' } },
  });
});

it('takes the write key from beside the data', () => {
  expect(read({ data: base64({ userId: 'u' }), writeKey: 'k' })).toEqual({ userId: 'u', writeKey: 'k' });
});

it.each(['data=%7B%7D', 'data=bnVsbA', 'data=W10', 'data=x'])('reads nothing from %s', (query) => {
  expect(read(query)).toBeUndefined();
});

it('leaves prototypes alone', () => {
  const event = read('__proto__.polluted=1&constructor.prototype.polluted=1&a.__proto__.polluted=1');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(JSON.stringify(event)).toContain('"__proto__":{"polluted":"1"}');
});

it('never throws, whatever the address', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 8 }), (pairs) => {
      const event = eventOfQuery(new URLSearchParams(pairs));
      expect(() => JSON.stringify(event)).not.toThrow();
    }),
  );
});
