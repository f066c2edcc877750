import { describe, expect, test } from 'vitest';
import { guardFault, type GuardOptions, type GuardedRequest } from './guard.ts';

const open: GuardOptions = { hosts: ['console.example.com'], token: undefined };
const request = (given: Partial<GuardedRequest>): GuardedRequest => ({
  host: 'localhost:3701',
  origin: undefined,
  authorization: undefined,
  localAddress: '127.0.0.1',
  localPort: 3701,
  ...given,
});

describe('host', () => {
  test.each([
    'localhost:3701',
    'LOCALHOST:3701',
    '127.0.0.1:3701',
    '[::1]:3701',
    'console.example.com',
    'console.example.com:8443',
  ])('answers to %s', (host) => {
    expect(guardFault(request({ host }), open)).toBeUndefined();
  });

  test.each([
    undefined,
    '',
    'evil.example:3701',
    'localhost.evil.example:3701',
    'localhost:3700',
    'localhost',
    '10.0.0.5:3701',
    'console.example.com.evil.example',
    'user@localhost:3701',
    'localhost:3701/path',
    'localhost:3701, evil.example',
  ])('refuses %j', (host) => {
    expect(guardFault(request({ host }), open)).toBe('forbidden_host');
  });

  test('answers to the address that the connection came in on', () => {
    const lan = { host: '10.0.0.5:3701', localAddress: '::ffff:10.0.0.5' };
    expect(guardFault(request(lan), open)).toBeUndefined();
  });
});

describe('origin', () => {
  test.each([undefined, 'http://localhost:3701'])('answers to %s', (origin) => {
    expect(guardFault(request({ origin }), open)).toBeUndefined();
  });

  test('answers to its own pages behind a proxy that speaks https', () => {
    const proxied = { host: 'console.example.com', origin: 'https://console.example.com' };
    expect(guardFault(request(proxied), open)).toBeUndefined();
  });

  test.each([
    'null',
    'http://evil.example',
    'http://localhost:5173',
    'http://127.0.0.1:3701',
    'localhost:3701',
    '',
  ])('refuses %j', (origin) => {
    expect(guardFault(request({ origin }), open)).toBe('forbidden_origin');
  });
});

describe('token', () => {
  const token = 'a-token-of-at-least-thirty-two-characters';
  const closed: GuardOptions = { hosts: [], token };

  test.each([`Bearer ${token}`, `bearer ${token}`])('answers to %s', (authorization) => {
    expect(guardFault(request({ authorization }), closed)).toBeUndefined();
  });

  test.each([
    undefined,
    '',
    'Bearer',
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Basic ${token}`,
    token,
  ])('refuses %s', (authorization) => {
    expect(guardFault(request({ authorization }), closed)).toBe('unauthorized_console');
  });

  test('says nothing of the token to a foreign host', () => {
    expect(guardFault(request({ host: 'evil.example', authorization: `Bearer ${token}` }), closed)).toBe(
      'forbidden_host',
    );
  });
});
