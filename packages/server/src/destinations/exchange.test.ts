import { expect, it } from 'vitest';
import { exchangeOf, type SentRequest } from './exchange.ts';

const request: SentRequest = {
  method: 'POST',
  url: 'https://user:pass-word@vendor.example:8443/hooks/0123456789abcdef0?key=query-secret&v=1#part',
  headers: { 'content-type': 'application/json', authorization: 'Bearer header-secret' },
  shownHeaders: ['content-type'],
  bodyBytes: 12,
};
const answer = { status: 400, contentType: 'text/plain', body: 'no such field' };

it('shows what was sent without what gives access', () => {
  expect(exchangeOf(request)).toStrictEqual({
    request: {
      method: 'POST',
      url: 'https://***@vendor.example:8443/hooks/***?key=***&v=***',
      headers: { 'content-type': 'application/json', authorization: '***' },
      bodyBytes: 12,
    },
  });
});

it('shows the answer', () => {
  expect(exchangeOf(request, answer).answer).toStrictEqual({ ...answer, isCut: false });
});

it.each(['header-secret', 'Bearer header-secret', 'pass-word', 'query-secret', '0123456789abcdef0'])(
  'masks %s where the answer repeats it',
  (secret) => {
    const echoed = exchangeOf(request, { ...answer, body: `you sent ${secret}, twice: ${secret}!` }).answer;
    expect(echoed?.body).toBe('you sent ***, twice: ***!');
  },
);

it('masks a secret that the cut would have left the beginning of', () => {
  const body = `${'x'.repeat(1_020)}header-secret`;
  const cut = exchangeOf(request, { ...answer, body }).answer;
  expect(cut).toMatchObject({ body: `${'x'.repeat(1_020)}***`, isCut: false });
  expect(exchangeOf(request, { ...answer, body: 'y'.repeat(1_025) }).answer).toMatchObject({
    body: 'y'.repeat(1_024),
    isCut: true,
  });
});

it('is bounded, however long the address, the header names and the answer are', () => {
  const headers = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`x-${i}-${'n'.repeat(100)}`, 'v']),
  );
  const url = `https://vendor.example/${'short/'.repeat(500)}?${'q=1&'.repeat(500)}`;
  const exchange = exchangeOf({ ...request, url, headers }, { ...answer, body: '\n'.repeat(100_000) });
  expect(Buffer.byteLength(JSON.stringify(exchange))).toBeLessThanOrEqual(4_096);
});
