import { describe, expect, it } from 'vitest';
import { bindFault, isLoopback, type BindRequest } from './listen.ts';

const fine: BindRequest = {
  mode: 'start',
  host: '127.0.0.1',
  consoleHost: '127.0.0.1',
  consoleToken: undefined,
  sourceCount: 1,
};

describe('bindFault', () => {
  it.each<[string, Partial<BindRequest>, RegExp | undefined]>([
    ['start with a source on loopback', {}, undefined],
    ['dev without sources on loopback', { mode: 'dev', sourceCount: 0 }, undefined],
    ['start without sources', { sourceCount: 0 }, /needs at least one source/],
    ['a wide Tracking API with sources', { host: '0.0.0.0' }, undefined],
    [
      'a wide Tracking API without sources',
      { mode: 'dev', host: '0.0.0.0', sourceCount: 0 },
      /needs configured sources/,
    ],
    ['a wide console without a token', { consoleHost: '::' }, /needs MILLRACE_CONSOLE_TOKEN/],
    ['a wide console with a token', { consoleHost: '::', consoleToken: 'x'.repeat(32) }, undefined],
    ['a short token, even on loopback', { consoleToken: 'x'.repeat(31) }, /at least 32 characters, got 31/],
  ])('%s', (_, change, expected) => {
    const fault = bindFault({ ...fine, ...change });
    if (expected === undefined) expect(fault).toBeUndefined();
    else expect(fault).toMatch(expected);
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
