import { describe, expect, it } from 'vitest';
import { authenticate, writeKeyOfBody, writeKeyOfHeader } from './authenticate.ts';
import { configuredSources } from './sources.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('writeKeyOfHeader', () => {
  it.each([
    ['the user of Basic with an empty password', `Basic ${base64('key:')}`, 'key'],
    ['without the colon', `Basic ${base64('key')}`, 'key'],
    ['whatever the password', `Basic ${base64('key:pass:word')}`, 'key'],
    ['whatever the case of the scheme', `bASIC ${base64('key:')}`, 'key'],
    ['no header', undefined, undefined],
    ['an empty user', `Basic ${base64(':password')}`, undefined],
    ['no credentials', 'Basic', undefined],
    ['Bearer, as some SDKs send beside a key in the body', 'Bearer token', undefined],
  ])('%s', (_, header, expected) => {
    expect(writeKeyOfHeader(header)).toBe(expected);
  });
});

describe('writeKeyOfBody', () => {
  it.each([
    [{ writeKey: 'key' }, 'key'],
    [{ writeKey: '' }, undefined],
    [{ writeKey: 7 }, undefined],
    [{ batch: [{ writeKey: 'key' }] }, undefined],
    [JSON.parse('{"__proto__":{"writeKey":"key"}}'), undefined],
    [['key'], undefined],
    [null, undefined],
  ])('%j → %s', (body, expected) => {
    expect(writeKeyOfBody(body)).toBe(expected);
  });
});

describe('authenticate', () => {
  const web = { id: 'web', name: 'Web', writeKey: 'key' };
  const sources = configuredSources([web]);

  it('finds the source', async () => {
    expect(await authenticate(sources, 'key')).toEqual({ source: web });
  });

  it('tells an unknown key from none', async () => {
    expect(await authenticate(sources, 'yek')).toEqual({ code: 'project_not_found' });
    expect(await authenticate(sources, undefined)).toEqual({ code: 'missing_write_key' });
  });
});
