import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { webhook, webhookSettings } from './settings.ts';

const URL_OK = 'https://example.com/in';
const SECRET = `whsec_${Buffer.alloc(24, 'secret').toString('base64')}`;
const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));
const CA = `${fixtures}localhost.crt`;
const KEY = `${fixtures}localhost.key`;
const LOCKED_KEY = createPrivateKey(readFileSync(KEY))
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' })
  .toString();

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

  it('take secrets, and TLS by file or by text, with paths from the folder of the config', () => {
    const settings = {
      url: URL_OK,
      secret: [SECRET, SECRET],
      gzip: true,
      tls: { ca: 'localhost.crt', cert: readFileSync(CA, 'utf8'), key: LOCKED_KEY, passphrase: 'right' },
    };
    const checked = webhookSettings(fixtures).parse(settings);
    expect(checked).toStrictEqual({ ...settings, timeoutMs: 10_000, tls: { ...settings.tls, ca: CA } });
    // As the router does, which has them checked already.
    expect(webhookSettings('/elsewhere').parse(checked)).toStrictEqual(checked);
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
    [
      'half a secret',
      { url: URL_OK, secret: 'whsec_c2VjcmV0' },
      /^secret: expected "whsec_" and 24 to 64 bytes/,
    ],
    ['a secret without its prefix', { url: URL_OK, secret: SECRET.slice(6) }, /^secret: expected "whsec_"/],
    ['a secret with a line break', { url: URL_OK, secret: `${SECRET}\n` }, /^secret: expected "whsec_"/],
    ['a secret that is cut off', { url: URL_OK, secret: SECRET.slice(0, -1) }, /^secret: expected "whsec_"/],
    ['no secret in a list', { url: URL_OK, secret: [] }, /^secret: expected 1 to 8 secrets/],
    [
      'a wrong one of several secrets',
      { url: URL_OK, secret: [SECRET, 'secret'] },
      /^secret\.1: expected "whsec_"/,
    ],
    ['a number for a secret', { url: URL_OK, secret: 1 }, /^secret: expected a secret, or a list of them/],
    [
      'a header that the secret sets',
      { url: URL_OK, secret: SECRET, headers: { 'Webhook-Id': '1' } },
      /^headers\.Webhook-Id: expected no header that `secret` sets/,
    ],
    [
      'a header that gzip sets',
      { url: URL_OK, gzip: true, headers: { 'Content-Encoding': 'br' } },
      /^headers\.Content-Encoding: expected no header that `gzip` sets/,
    ],
    ['a word for gzip', { url: URL_OK, gzip: 'yes' }, /^gzip: expected true or false/],
    [
      'TLS without TLS',
      { url: 'http://example.com', tls: { ca: CA } },
      /^tls: expected it with a URL that begins with https/,
    ],
    [
      'that nothing is verified',
      { url: URL_OK, tls: { rejectUnauthorized: false } },
      /^tls: Unrecognized key/,
    ],
    [
      'a file that is not there',
      { url: URL_OK, tls: { ca: 'secret.pem' } },
      /^tls\.ca: expected PEM text or the path of a PEM file that can be read \(ENOENT\)/,
    ],
    [
      'what is no certificate',
      { url: URL_OK, tls: { ca: `${fixtures}localhost.key` } },
      /^tls\.ca: expected a certificate in PEM/,
    ],
    [
      'a certificate without its key',
      { url: URL_OK, tls: { cert: CA } },
      /^tls\.key: expected the private key of cert/,
    ],
    [
      'a key without its certificate',
      { url: URL_OK, tls: { key: KEY } },
      /^tls\.cert: expected the certificate of key/,
    ],
    [
      'a passphrase for nothing',
      { url: URL_OK, tls: { passphrase: 'secret' } },
      /^tls\.passphrase: expected it with key/,
    ],
    [
      'the key of another certificate',
      { url: URL_OK, tls: { cert: CA, key: `${fixtures}client.key` } },
      /^tls\.key: expected the private key that belongs to cert/,
    ],
    [
      'a passphrase that does not open the key',
      { url: URL_OK, tls: { cert: CA, key: LOCKED_KEY, passphrase: 'secret-but-wrong' } },
      /^tls\.key: expected a private key that the passphrase opens in PEM/,
    ],
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
      { url: URL_OK, headers: { x: 'secret-\r\ny: z' } },
      /^headers\.x: expected a header value/,
    ],
    [
      'a value beyond Latin-1',
      { url: URL_OK, headers: { x: 'secret-€' } },
      /^headers\.x: expected a header value/,
    ],
  ])('refuse %s', (_, settings, expected) => {
    const faults = faultsOf(settings);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(expected);
    expect(faults[0]).not.toMatch(/c2VjcmV0|secret-|secret\.pem|pass@/);
  });
});
