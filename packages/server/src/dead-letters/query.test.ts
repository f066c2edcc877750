import { describe, expect, it } from 'vitest';
import { deadId, parseListQuery, parseSelection, placeOfId, tokenOf } from './query.ts';

const place = { destinationId: 'my-hook', partition: 0, position: 12 };

describe('what a list is asked for', () => {
  it('is the newest fifty unless told', () => {
    expect(parseListQuery({})).toStrictEqual({ filter: {}, page: { maxCount: 50 } });
  });

  it('is a filter, a limit and a place', () => {
    const after = { ...place, diedAtMs: 7_000 };
    expect(
      parseListQuery({
        destination: 'my-hook',
        code: 'HTTP_400',
        name: 'Order Placed',
        from: '2026-03-01T00:00:00Z',
        to: '1800000000000',
        limit: '500',
        next: tokenOf(after),
      }),
    ).toStrictEqual({
      filter: {
        destinationId: 'my-hook',
        code: 'HTTP_400',
        eventName: 'Order Placed',
        fromMs: Date.UTC(2026, 2, 1),
        toMs: 1_800_000_000_000,
      },
      page: { maxCount: 500, after },
    });
  });

  it.each([
    { limit: '0' },
    { limit: '501' },
    { limit: 'x' },
    { from: 'yesterday' },
    { from: '2026-03-01T00:00:00' },
    { from: '2026-13-01' },
    { to: '-1' },
    { code: '' },
    { code: ['a', 'b'] },
    { next: 'x' },
    { next: '7:my-hook:0' },
    { nmae: 'x' },
  ])('is refused as %o', (given) => {
    expect(() => parseListQuery(given)).toThrow(expect.objectContaining({ name: 'DeadQueryError' }) as Error);
  });
});

describe('what is to be changed', () => {
  it('is letters by their ids', () => {
    expect(parseSelection({ ids: ['my-hook:0:12'] })).toStrictEqual({ places: [place] });
    expect(placeOfId(deadId(place))).toStrictEqual(place);
  });

  it('is letters by a filter, or all of them', () => {
    expect(parseSelection({ code: 'HTTP_400', from: 5 })).toStrictEqual({
      filter: { code: 'HTTP_400', fromMs: 5 },
    });
    expect(parseSelection({ all: true, next: '7:my-hook:0:12' })).toStrictEqual({
      filter: {},
      after: { ...place, diedAtMs: 7 },
    });
  });

  it.each([
    [undefined],
    ['all'],
    [{}],
    [{ next: '7:my-hook:0:12' }],
    [{ all: false }],
    [{ all: true, code: 'HTTP_400' }],
    [{ ids: [] }],
    [{ ids: ['x'] }],
    [{ ids: ['my-hook:0:12'], code: 'HTTP_400' }],
    [{ ids: Array.from({ length: 501 }, () => 'my-hook:0:12') }],
    [{ code: 'HTTP_400', destinaton: 'my-hook' }],
  ])('never means all of them by mistake: %o', (given) => {
    expect(() => parseSelection(given)).toThrow(expect.objectContaining({ name: 'DeadQueryError' }) as Error);
  });
});
