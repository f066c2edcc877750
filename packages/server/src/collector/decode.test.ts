import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Route } from './routes.ts';

const json = { 'content-type': 'application/json' };

describe('decode', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
  ])('reads %s', async (contentType) => {
    const decoded = await decode(
      { 'content-type': contentType },
      Buffer.from('{"event":"ü"}'),
      'track',
      DEFAULT_LIMITS,
      true,
    );
    expect(decoded).toMatchObject({ value: { event: 'ü' }, slices: [{ start: 0 }] });
  });

  it.each([undefined, '', 'text/html', 'application/jsonp', 'multipart/form-data; boundary=x'])(
    'refuses the content type %s',
    async (contentType) => {
      const decoded = await decode(
        { 'content-type': contentType },
        Buffer.from('{}'),
        'track',
        DEFAULT_LIMITS,
        true,
      );
      expect(decoded).toEqual({ code: 'unsupported_content_type' });
    },
  );

  it.each(['zstd', 'identity, gzip', 'gzip'])(
    'refuses what is not encoded as it says: %s',
    async (encoding) => {
      const headers = { ...json, 'content-encoding': encoding };
      expect(await decode(headers, Buffer.from('{}'), 'batch', DEFAULT_LIMITS, true)).toEqual({
        code: 'invalid_encoding',
      });
    },
  );

  it('reads a compressed body, which may be as large as a plain one when it is decoded', async () => {
    const headers = { ...json, 'content-encoding': 'gzip' };
    const limits = { ...DEFAULT_LIMITS, batchMaxBytes: 6 };
    const sent = (text: string, route: Route) => decode(headers, gzipSync(text), route, limits, true);
    expect(await sent('"ü12"', 'batch')).toMatchObject({ value: 'ü12' });
    expect(await sent('"ü123"', 'batch')).toEqual({ code: 'batch_too_large' });
    expect(await sent('"ü123"', 'track')).toEqual({ code: 'message_too_large' });
    expect(await sent('{', 'track')).toEqual({ code: 'invalid_json' });
  });

  it('takes the encoding that is none', async () => {
    const headers = { ...json, 'content-encoding': 'Identity' };
    expect(await decode(headers, Buffer.from('{"batch":[]}'), 'batch', DEFAULT_LIMITS, true)).toMatchObject({
      value: { batch: [] },
    });
  });

  it.each([
    ['nothing', undefined],
    ['an empty body', Buffer.alloc(0)],
    ['half a body', Buffer.from('{"batch":[')],
    ['two values', Buffer.from('{}{}')],
  ])('refuses %s as invalid JSON', async (_, body) => {
    expect(await decode(json, body, 'batch', DEFAULT_LIMITS, true)).toEqual({ code: 'invalid_json' });
  });

  it('takes a body at the limit and none above, in bytes', async () => {
    const limits = { ...DEFAULT_LIMITS, batchMaxBytes: 6 };
    expect(await decode(json, Buffer.from('"ü12"'), 'batch', limits, true)).toMatchObject({ value: 'ü12' });
    expect(await decode(json, Buffer.from('"ü123"'), 'batch', limits, true)).toEqual({
      code: 'batch_too_large',
    });
    expect(await decode(json, Buffer.from('"ü123"'), 'track', limits, true)).toEqual({
      code: 'message_too_large',
    });
  });

  it('keeps __proto__ a field like any other, in what is built and in what stays as it came', async () => {
    const body = '{"__proto__":{"userId":"polluted"}';
    const built = await decode(json, Buffer.from(`${body},"receivedAt":""}`), 'track', DEFAULT_LIMITS, true);
    const { value } = built as { value: object };
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__', 'receivedAt']);
    const kept = await decode(json, Buffer.from(`${body}}`), 'track', DEFAULT_LIMITS, true);
    expect(kept).toMatchObject({ value: { userId: undefined } });
  });
});
