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
