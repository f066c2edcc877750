import { describe, expect, it } from 'vitest';
import { bindFault, isLoopback, type BindRequest } from './listen.ts';

const fine: BindRequest = {
  mode: 'start',
  host: '127.0.0.1',
  consoleHost: '127.0.0.1',
  consoleToken: undefined,
  sourceCount: 1,
  configFile: undefined,
};

describe('bindFault', () => {
  it.each<[string, Partial<BindRequest>]>([
    ['start with a source on loopback', {}],
    ['dev without sources on loopback', { mode: 'dev', sourceCount: 0 }],
    ['a wide Tracking API with sources', { host: '0.0.0.0' }],
    ['a wide console with a token', { consoleHost: '::', consoleToken: 'x'.repeat(32) }],
  ])('allows %s', (_, change) => {
    expect(bindFault({ ...fine, ...change })).toBeUndefined();
  });

  it.each<[string, Partial<BindRequest>, RegExp]>([
    [
      'start without sources',
      { sourceCount: 0, configFile: 'x.ts' },
      /needs at least one source .*, x\.ts has none/,
    ],
    ['start without a config', { sourceCount: 0 }, /there is no config file here/],
    [
      'a wide Tracking API without sources',
      { mode: 'dev', host: '0.0.0.0', sourceCount: 0 },
      /needs configured sources/,
    ],
    ['a wide console without a token', { consoleHost: '::' }, /needs MILLRACE_CONSOLE_TOKEN/],
    ['a short token, even on loopback', { consoleToken: 'x'.repeat(31) }, /at least 32 characters, got 31/],
  ])('refuses %s', (_, change, expected) => {
    expect(bindFault({ ...fine, ...change })).toMatch(expected);
  });

  it('never repeats the token', () => {
    expect(bindFault({ ...fine, consoleToken: 'hunter2' })).not.toContain('hunter2');
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('%s is', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.example.com', '127.0.0.1.example.com'])(
    '%s is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
