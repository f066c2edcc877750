import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSerialiser } from './serialise.ts';

const NOW_MS = Date.parse('2026-11-23T10:00:00.123Z');
const library = { name: 'lib', version: '1.2.3' };
const serialise = createSerialiser(
  library,
  () => 'node-minted',
  () => NOW_MS,
);

/** What analytics-node 6.2 sends for a message, by its own steps. */
function legacyWire(type: string, given: Record<string, unknown>): unknown {
  const message: Record<string, unknown> = { ...given, type };
  message['context'] = Object.assign({ library }, given['context']);
  message['_metadata'] = Object.assign({ nodeVersion: process.versions.node }, given['_metadata']);
  if (!message['timestamp']) message['timestamp'] = new Date(NOW_MS);
  if (!message['messageId']) message['messageId'] = 'node-minted';
  for (const id of ['anonymousId', 'userId']) {
    if (message[id] && typeof message[id] !== 'string') message[id] = JSON.stringify(message[id]);
  }
  return JSON.parse(JSON.stringify(message)) as unknown;
}

class Money {
  readonly amount = 5;
  toJSON(): string {
    return '5 EUR';
  }
}

describe('the bytes of an event', () => {
  it.each<[string, Record<string, unknown>]>([
    ['a plain one', { userId: 'u', event: 'e', properties: { a: 1 } }],
    ['no fields at all', {}],
    ['numbers as ids', { userId: 7, anonymousId: 8, groupId: 9, previousId: 10 }],
    ['absent ids', { userId: null, anonymousId: 0 }],
    ['a context', { context: { ip: '1.2.3.4' } }],
    ['an empty context', { context: {} }],
    ['a context that holds nothing JSON has', { context: { f: () => 1, u: undefined } }],
    ['a library of its own', { context: { library: { name: 'mine' } } }],
    ['a library that is undefined', { context: { library: undefined, ip: '1' } }],
    ['a context without prototype', { context: Object.assign(Object.create(null), { a: 1 }) as unknown }],
    ['a context that is an instance', { context: new Money() }],
    ['a context that is null', { context: null }],
    ['metadata', { _metadata: { bundled: ['Mixpanel'] } }],
    ['a Node version of its own', { _metadata: { nodeVersion: '1' } }],
    ['a timestamp', { timestamp: new Date(5) }],
    ['an invalid timestamp', { timestamp: new Date(Number.NaN) }],
    ['a messageId', { messageId: 'mine' }],
    ['another type', { type: 'other' }],
    ['keys of its own', { channel: 'server', 'a "quoted" key': [1], f: () => 1, u: undefined }],
    ['text that JSON escapes', { event: 'a "b"\n\\\u2028\ud800', name: '水' }],
    ['values with a toJSON', { properties: { price: new Money(), at: new Date(0) } }],
    ['properties that are no JSON', { properties: () => 1, traits: Symbol('s') }],
  ])('are those of analytics-node with %s', (_, message) => {
    expect(JSON.parse(serialise('track', message).json)).toEqual(legacyWire('track', message));
  });

  it('are those of analytics-node for any message', () => {
    const key = fc.oneof(
      fc.constantFrom('userId', 'event', 'properties', 'context', 'traits', '_metadata', 'messageId', 'type'),
      fc.string({ unit: 'grapheme' }).filter((name) => name !== '__proto__'),
    );
    fc.assert(
      fc.property(fc.string(), fc.dictionary(key, fc.jsonValue(), { maxKeys: 6 }), (type, message) => {
        const { json, bytes } = serialise(type, message);
        expect(JSON.parse(json)).toEqual(legacyWire(type, message));
        expect(bytes).toBe(Buffer.byteLength(json));
      }),
    );
  });

  it('leave the message as it was', () => {
    const message = Object.freeze({ userId: 7, context: Object.freeze({ a: 1 }) });
    expect(() => serialise('track', message)).not.toThrow();
  });

  it('may be 32,767, enrichment included, and no more', () => {
    const empty = serialise('track', { event: '' }).bytes;
    expect(serialise('track', { event: 'x'.repeat(32_767 - empty) }).bytes).toBe(32_767);
    expect(() => serialise('track', { event: 'x'.repeat(32_768 - empty) })).toThrow(
      'Your message must be < 32kb.',
    );
  });

  it('are counted in UTF-8', () => {
    expect(() => serialise('track', { event: '水'.repeat(11_000) })).toThrow('Your message must be < 32kb.');
  });

  it('cannot be made of a BigInt or a cycle, which is said at the call', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(() => serialise('track', { properties: { n: 1n } })).toThrow(TypeError);
    expect(() => serialise('track', { properties: cycle })).toThrow(TypeError);
  });

  it('have the time of the call', () => {
    let nowMs = NOW_MS;
    const serialise = createSerialiser(
      library,
      () => 'id',
      () => nowMs,
    );
    const timestamps = [0, 0, 1].map((passedMs) => {
      nowMs += passedMs;
      return (JSON.parse(serialise('track', {}).json) as { timestamp: string }).timestamp;
    });
    expect(timestamps).toEqual([
      '2026-11-23T10:00:00.123Z',
      '2026-11-23T10:00:00.123Z',
      '2026-11-23T10:00:00.124Z',
    ]);
  });
});
