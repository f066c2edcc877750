import { between, happens, pick, type Random } from './chance.ts';

/** An event's `context`, as the SDK of a browser would fill it. */
export function browserContext(random: Random): object {
  return {
    ip: address(random),
    locale: pick(random, ['en-GB', 'de-DE', 'fr-FR', 'nl-NL']),
    userAgent: pick(random, USER_AGENTS),
    ...(happens(random, 0.3) && { campaign: pick(random, CAMPAIGNS) }),
  };
}

/** The same of a phone. */
export function phoneContext(random: Random): object {
  return {
    ip: address(random),
    locale: pick(random, ['en-GB', 'de-DE', 'fr-FR']),
    app: { name: 'Bread Shop', version: '4.2.0', build: '1187' },
    ...pick(random, PHONES),
  };
}

/** From a block that is reserved for documentation. Source: RFC 5737. */
function address(random: Random): string {
  return `203.0.113.${between(random, 1, 254)}`;
}

const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
] as const;

const PHONES = [
  {
    device: { type: 'ios', manufacturer: 'Apple', model: 'iPhone17,1' },
    os: { name: 'iOS', version: '26.1' },
  },
  {
    device: { type: 'android', manufacturer: 'Google', model: 'Pixel 9' },
    os: { name: 'Android', version: '16' },
  },
] as const;

const CAMPAIGNS = [
  { name: 'spring-bread', source: 'newsletter', medium: 'email' },
  { name: 'first-loaf', source: 'search', medium: 'cpc', term: 'sourdough starter' },
  { name: 'bakers-club', source: 'social', medium: 'post' },
] as const;
