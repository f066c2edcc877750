import { describe, expect, it } from 'vitest';
import { resolveOptions, type AnalyticsOptions, type Region } from './options.ts';

const US = 'https://api.segment.io';
const EU = 'https://events.eu1.segmentapis.com';

describe('a region', () => {
  it.each<[AnalyticsOptions, string]>([
    [{}, US],
    [{ region: 'us' }, US],
    [{ region: 'eu' }, EU],
    [{ region: 'eu', host: `${EU}/` }, EU],
  ])('of %j is sent to %s', (options, host) => {
    expect(resolveOptions('KEY', options)).toMatchObject({ host, path: '/v1/batch' });
    expect(resolveOptions({ writeKey: 'KEY', ...options })).toMatchObject({ host, path: '/v1/batch' });
  });

  it.each<[AnalyticsOptions, string]>([
    [{ region: 'mars' as Region }, 'The option "region" must be one of us, eu; found "mars".'],
    [{ region: 'toString' as Region }, 'The option "region" must be one of us, eu; found "toString".'],
    [
      { region: 'eu', host: 'http://localhost' },
      `The option "region" must be left out beside a host other than ${EU}; found "eu".`,
    ],
  ])('is refused: %j', (options, words) => {
    expect(() => resolveOptions('KEY', options)).toThrow(words);
  });
});

describe('host and path', () => {
  it.each<[AnalyticsOptions, string, string]>([
    [{ host: 'http://h:80/base/', path: '/b/' }, 'http://h:80/base', '/b'],
    [{ path: 'b' }, US, 'b'],
  ])('of the two-argument form are put one behind the other: %j', (options, host, path) => {
    expect(resolveOptions('KEY', options)).toMatchObject({ host, path });
  });

  // What @segment/analytics-node 3.1 posts to for the same settings.
  it.each<[AnalyticsOptions, string]>([
    [{ host: 'http://h', path: '/b/' }, 'http://h/b'],
    [{ host: 'http://h:81/base', path: '/b' }, 'http://h:81/b'],
    [{ host: 'http://h/base/', path: 'b?c=d' }, 'http://h/base/b?c=d'],
    [{ host: 'http://u:p@h', path: 'b' }, 'http://u:p@h/b'],
  ])('of the object form are resolved as a link is: %j', (options, url) => {
    const { host, path } = resolveOptions({ writeKey: 'KEY', ...options });
    expect(`${host}${path}`).toBe(url);
  });

  it('that are no address are left to the request to fail with', () => {
    expect(resolveOptions({ writeKey: 'KEY', host: 'nonsense' })).toMatchObject({ host: 'nonsense' });
  });
});

describe('whether events are sent', () => {
  it.each<[object, boolean]>([
    [{}, true],
    [{ enable: false }, false],
    [{ enable: 0 }, true],
    [{ disable: true }, false],
    [{ disable: 'yes' }, false],
    [{ disable: false }, true],
    [{ enable: true, disable: true }, false],
  ])('is said by %j', (options, enable) => {
    expect(resolveOptions('KEY', options)).toMatchObject({ enable });
  });
});

describe('what is no option', () => {
  it.each<[unknown, string]>([
    ['http://127.0.0.1:3700', 'The option "options" must be an object; found "http://127.0.0.1:3700".'],
    [
      { axiosRetryConfig: { retryDelay: 1_000 } },
      'The option "axiosRetryConfig.retryDelay" must be a function; found 1000.',
    ],
    [{ oauthSettings: true }, 'The option "oauthSettings" must be an object; found true.'],
  ])('is refused: %j', (options, words) => {
    expect(() => resolveOptions('KEY', options as AnalyticsOptions)).toThrow(words);
  });
});
