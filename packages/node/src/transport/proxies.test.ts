import { describe, expect, it } from 'vitest';
import { proxiesOf, proxyAuthorization } from './proxies.ts';

const HTTP = 'http://api.example.com/v1/batch';
const HTTPS = 'https://api.example.com/v1/batch';

function proxyFor(environment: Record<string, string>, target: string): string | undefined {
  return proxiesOf(environment)?.(new URL(target))?.href;
}

describe('proxiesOf', () => {
  it('asks for nothing where nothing is set, so that nothing need be asked', () => {
    expect(proxiesOf({})).toBeUndefined();
    expect(proxiesOf({ HTTP_PROXY: '', https_proxy: '', NO_PROXY: 'x' })).toBeUndefined();
  });

  it.each([
    [{ HTTP_PROXY: 'http://p:1' }, HTTP, 'http://p:1/'],
    [{ HTTP_PROXY: 'http://p:1' }, HTTPS, undefined],
    [{ HTTPS_PROXY: 'http://p:1' }, HTTPS, 'http://p:1/'],
    [{ HTTPS_PROXY: 'http://p:1' }, HTTP, undefined],
    [{ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:1' }, HTTPS, 'http://lower:1/'],
    [{ https_proxy: '', HTTPS_PROXY: 'http://upper:1' }, HTTPS, 'http://upper:1/'],
    [{ HTTPS_PROXY: 'p:3128' }, HTTPS, 'http://p:3128/'],
    [{ HTTPS_PROXY: 'https://p:1' }, HTTPS, 'https://p:1/'],
    [{ HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' }, HTTP, undefined],
    [{ http_proxy: 'http://p:1', REQUEST_METHOD: 'GET' }, HTTP, 'http://p:1/'],
  ])('%j sends %s through %s', (environment, target, proxy) => {
    expect(proxyFor(environment, target)).toBe(proxy);
  });

  it.each([
    ['*', HTTPS],
    ['example.com', HTTPS],
    ['.example.com', HTTPS],
    ['API.example.COM', HTTPS],
    ['a.b, api.example.com', HTTPS],
    ['a.b api.example.com', HTTPS],
    ['example.com', 'https://example.com'],
    ['.example.com', 'https://example.com.'],
    ['api.example.com:443', HTTPS],
    ['api.example.com:3700', 'https://api.example.com:3700'],
    ['127.0.0.1', 'https://127.0.0.1:3700'],
    ['10.0.0.0/8', 'https://10.20.30.40'],
    ['::1', 'https://[::1]:3700'],
    ['[::1]', 'https://[::1]'],
    ['[::1]:3700', 'https://[::1]:3700'],
    ['fd00::/8', 'https://[fd00::1]'],
  ])('NO_PROXY %j exempts %s', (exempt, target) => {
    expect(proxyFor({ HTTPS_PROXY: 'http://p:1', NO_PROXY: exempt }, target)).toBeUndefined();
    expect(proxyFor({ HTTPS_PROXY: 'http://p:1', no_proxy: exempt }, target)).toBeUndefined();
  });

  it.each([
    ['ample.com', HTTPS],
    ['www.example.com', HTTPS],
    ['api.example.com:80', HTTPS],
    ['10.0.0.0/8', 'https://11.0.0.1'],
    ['10.0.0.0/8', HTTPS],
    ['10.0.0.0/99', 'https://10.0.0.1'],
    ['0.0.1', 'https://10.0.0.1'],
    ['', HTTPS],
    ['example.*', HTTPS],
  ])('NO_PROXY %j does not exempt %s', (exempt, target) => {
    expect(proxyFor({ HTTPS_PROXY: 'http://p:1', NO_PROXY: exempt }, target)).toBe('http://p:1/');
  });

  it.each(['socks5://p:1', 'http://', 'http://u:secret@'])('names the variable when it is %s', (value) => {
    const find = (): unknown => proxyFor({ HTTPS_PROXY: value }, HTTPS);
    expect(find).toThrow(
      'The environment variable HTTPS_PROXY must be the address of an http or https proxy.',
    );
  });
});

describe('proxyAuthorization', () => {
  it('is Basic, from the user and password of the URL', () => {
    const header = proxyAuthorization(new URL('http://us%40er:p%3Aw@p:1'));
    expect(Buffer.from(header!.slice('Basic '.length), 'base64').toString()).toBe('us@er:p:w');
    expect(proxyAuthorization(new URL('http://p:1'))).toBeUndefined();
  });
});
