import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { DEFAULT_LIMITS } from './limits.ts';

const json = { 'content-type': 'application/json' };

describe('decode', () => {
  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
    'reads %s',
    (contentType) => {
      const decoded = decode(
        { 'content-type': contentType },
        Buffer.from('{"event":"ü"}'),
        'track',
        DEFAULT_LIMITS,
      );
      expect(decoded).toMatchObject({ value: { event: 'ü' }, slices: [{ start: 0 }] });
    },
  );

  it.each([undefined, '', 'text/plain', 'application/jsonp', 'application/x-www-form-urlencoded'])(
    'refuses the content type %s',
    (contentType) => {
      const decoded = decode({ 'content-type': contentType }, Buffer.from('{}'), 'track', DEFAULT_LIMITS);
      expect(decoded).toEqual({ code: 'unsupported_content_type' });
    },
  );

  it.each(['gzip', 'br', 'identity, gzip', 'zstd'])('refuses the encoding %s', (encoding) => {
    const decoded = decode(
      { ...json, 'content-encoding': encoding },
      Buffer.from('{}'),
      'batch',
      DEFAULT_LIMITS,
    );
    expect(decoded).toEqual({ code: 'invalid_encoding' });
  });

  it('takes the encoding that is none', () => {
    const headers = { ...json, 'content-encoding': 'Identity' };
    expect(decode(headers, Buffer.from('{"batch":[]}'), 'batch', DEFAULT_LIMITS)).toMatchObject({
      value: { batch: [] },
    });
  });

  it.each([
    ['nothing', undefined],
    ['an empty body', Buffer.alloc(0)],
    ['half a body', Buffer.from('{"batch":[')],
    ['two values', Buffer.from('{}{}')],
  ])('refuses %s as invalid JSON', (_, body) => {
    expect(decode(json, body, 'batch', DEFAULT_LIMITS)).toEqual({ code: 'invalid_json' });
  });

  it('takes a body at the limit and none above, in bytes', () => {
    const limits = { ...DEFAULT_LIMITS, batchMaxBytes: 6 };
    expect(decode(json, Buffer.from('"ü12"'), 'batch', limits)).toMatchObject({ value: 'ü12' });
    expect(decode(json, Buffer.from('"ü123"'), 'batch', limits)).toEqual({ code: 'batch_too_large' });
    expect(decode(json, Buffer.from('"ü123"'), 'track', limits)).toEqual({ code: 'message_too_large' });
  });

  it('keeps __proto__ a field like any other, in what is built and in what stays as it came', () => {
    const body = '{"__proto__":{"userId":"polluted"}';
    const built = decode(json, Buffer.from(`${body},"receivedAt":""}`), 'track', DEFAULT_LIMITS);
    const { value } = built as { value: object };
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__', 'receivedAt']);
    const kept = decode(json, Buffer.from(`${body}}`), 'track', DEFAULT_LIMITS);
    expect(kept).toMatchObject({ value: { userId: undefined } });
  });
});
