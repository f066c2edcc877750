import { faultOfCall, faultOfEvent, type EventType } from '@millrace/spec';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Call, LibraryCall, PostCall } from './call.ts';
import { shopCalls } from './shop.ts';

const NOW_MS = Date.UTC(2026, 4, 1);

/** The same numbers for the same seed. Source: Marsaglia, "Xorshift RNGs" (2003). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function take(count: number, seed: number): Call[] {
  const calls = shopCalls({ nowMs: () => NOW_MS, random: seeded(seed) });
  return Array.from({ length: count }, () => calls.next().value);
}

let calls: Call[];
let library: LibraryCall[];

beforeAll(() => {
  calls = take(5_000, 7);
  library = calls.filter((call) => call.via === 'library');
});

const ofType = (type: EventType) => library.filter((call) => call.type === type);
const named = (event: string) => ofType('track').filter(({ message }) => message.event === event);

describe('the shop', () => {
  it('makes the same calls by the same chance, others by another', () => {
    expect(take(300, 7)).toEqual(calls.slice(0, 300));
    expect(take(300, 8)).not.toEqual(calls.slice(0, 300));
  });

  it('makes no call that the library would throw at', () => {
    expect(library.map(({ type, message }) => faultOfCall(type, message)).filter(Boolean)).toEqual([]);
  });

  it('uses all six methods, from all sources', () => {
    expect(new Set(library.map(({ type }) => type)).size).toBe(6);
    expect(new Set(library.map(({ source }) => source))).toEqual(new Set(['website', 'api', 'app']));
  });

  it('signs up those who were anonymous before: alias, then identify', () => {
    const aliases = ofType('alias');
    expect(aliases.length).toBeGreaterThan(50);
    for (const { message } of aliases) {
      const mine = library.filter(
        ({ message: { anonymousId, userId } }) => anonymousId === message.previousId && userId === undefined,
      );
      expect(mine.length).toBeGreaterThan(0);
      expect(library.indexOf(mine.at(-1)!)).toBeLessThan(
        library.findIndex((call) => call.message === message),
      );
      expect(ofType('identify').filter((call) => call.message.userId === message.userId)).toHaveLength(1);
    }
  });

  it('has totals that are the sum of what was bought', () => {
    const orders = named('Order Completed');
    expect(orders.length).toBeGreaterThan(50);
    for (const { message } of orders) {
      const { products, shipping, total } = message.properties as {
        products: { price: number; quantity: number }[];
        shipping: number;
        total: number;
      };
      const sum = products.reduce((all, { price, quantity }) => all + price * quantity, shipping);
      expect(total).toBeCloseTo(sum, 5);
    }
  });

  it('reports some orders twice with one messageId', () => {
    const ids = named('Order Completed').map(({ message }) => message.messageId);
    const twiceCount = ids.length - new Set(ids).size;
    expect(twiceCount).toBeGreaterThan(ids.length * 0.1);
    expect(twiceCount).toBeLessThan(ids.length * 0.4);
  });
});

describe('its mistakes', () => {
  it('are few, and each is refused with a code', () => {
    const codes = [
      ...calls.filter((call) => call.via === 'post').map(codeOfPost),
      ...library.flatMap(codeOfCall),
    ];
    expect(codes).not.toContain(undefined);
    expect(codes.length).toBeGreaterThan(calls.length * 0.01);
    expect(codes.length).toBeLessThan(calls.length * 0.05);
    expect(new Set(codes)).toEqual(
      new Set([
        'event_not_string',
        'invalid_json',
        'invalid_message_id',
        'invalid_timestamp',
        'invalid_type',
        'no_user_anon_id',
        'project_not_found',
        'properties_not_object',
      ]),
    );
  });
});

function codeOfPost({ writeKey, body }: PostCall): string | undefined {
  if (!writeKey.startsWith('demo-')) return 'project_not_found';
  try {
    return faultOfEvent((JSON.parse(body) as { batch: unknown[] }).batch[0]);
  } catch {
    return 'invalid_json';
  }
}

/** Empty for what is valid. */
function codeOfCall({ type, message }: LibraryCall): string[] {
  return [faultOfEvent(JSON.parse(JSON.stringify({ ...message, type })))].filter(
    (code) => code !== undefined,
  );
}
