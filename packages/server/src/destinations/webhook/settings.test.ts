import { describe, expect, it } from 'vitest';
import { webhook, webhookSettings } from './settings.ts';

const URL_OK = 'https://example.com/in';

function faultsOf(settings: object): string[] {
  const result = webhookSettings().safeParse(settings);
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('webhook()', () => {
  it('returns plain data', () => {
    expect(webhook({ id: 'hook', url: URL_OK })).toStrictEqual({
      kind: 'webhook',
      id: 'hook',
      settings: { url: URL_OK },
    });
    expect(webhook({ id: 'hook', url: URL_OK, enabled: false, batch: { maxCount: 2 } })).toStrictEqual({
      kind: 'webhook',
      id: 'hook',
      enabled: false,
      settings: { url: URL_OK, batch: { maxCount: 2 } },
    });
  });
});

describe('the settings of a webhook', () => {
  it('fill in the time-out', () => {
    expect(webhookSettings().parse({ url: URL_OK })).toStrictEqual({ url: URL_OK, timeoutMs: 10_000 });
  });

  it.each<[string, object, RegExp]>([
    ['no URL', {}, /^url: /],
    ['no URL at all', { url: 'example' }, /^url: expected a URL that begins with http/],
    ['another protocol', { url: 'ftp://example.com' }, /^url: expected a URL that begins with http/],
    ['a password in the URL', { url: 'https://me:pass@example.com' }, /^url: .*without user and password/],
    [
      'an empty batch',
      { url: URL_OK, batch: { maxCount: 0 } },
      /^batch\.maxCount: expected a whole number from 1 to 2500/,
    ],
    ['a huge batch', { url: URL_OK, batch: { maxCount: 2_501 } }, /^batch\.maxCount: expected/],
    ['half an event', { url: URL_OK, batch: { maxCount: 1.5 } }, /^batch\.maxCount: expected/],
    ['an unknown limit', { url: URL_OK, batch: { maxCount: 1, maxBytes: 2 } }, /^batch: Unrecognized key/],
    ['no time at all', { url: URL_OK, timeoutMs: 0 }, /^timeoutMs: expected a whole number from 1 to 300000/],
    ['an unknown option', { url: URL_OK, urls: [] }, /Unrecognized key/],
    [
      'a header name with a space',
      { url: URL_OK, headers: { 'X Y': 'z' } },
      /^headers\.X Y: expected the name/,
    ],
    [
      'a header twice',
      { url: URL_OK, headers: { 'x-y': 'z', 'X-Y': 'z' } },
      /^headers\.X-Y: expected each header once/,
    ],
    [
      'a framing header',
      { url: URL_OK, headers: { 'Content-Length': '1' } },
      /^headers\.Content-Length: expected no/,
    ],
    [
      'a second line in a header',
      { url: URL_OK, headers: { x: 'secret\r\ny: z' } },
      /^headers\.x: expected a header value/,
    ],
    [
      'a value beyond Latin-1',
      { url: URL_OK, headers: { x: 'secret €' } },
      /^headers\.x: expected a header value/,
    ],
  ])('refuse %s', (_, settings, expected) => {
    const faults = faultsOf(settings);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(expected);
    expect(faults[0]).not.toMatch(/secret|pass@/);
  });
});
