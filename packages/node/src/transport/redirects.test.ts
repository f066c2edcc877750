import { describe, expect, it } from 'vitest';
import { redirected, withRedirects } from './redirects.ts';
import type { OutgoingRequest, Reply, Transport } from './transport.ts';

const REQUEST: OutgoingRequest = {
  url: 'http://a.example/v1/batch',
  headers: { authorization: 'Basic x', 'user-agent': 'y' },
  body: '{}',
  timeoutMs: 1_000,
};
const OK: Reply = { kind: 'answered', status: 200, statusText: 'OK', retryAfter: undefined };

function redirect(status: number, location?: string): Reply {
  return {
    kind: 'answered',
    status,
    statusText: 'Redirect',
    retryAfter: undefined,
    ...(location !== undefined && { location }),
  };
}

/** Answers as it is told to, and keeps what it was asked. */
function scripted(...replies: Reply[]): Transport & { requests: OutgoingRequest[] } {
  const requests: OutgoingRequest[] = [];
  return {
    requests,
    post: (request) => {
      requests.push(request);
      return Promise.resolve(replies[Math.min(requests.length, replies.length) - 1]!);
    },
    close: () => undefined,
  };
}

describe('withRedirects', () => {
  it('posts in the same tick', () => {
    const inner = scripted(OK);
    void withRedirects(inner, () => 0).post(REQUEST);
    expect(inner.requests).toEqual([REQUEST]);
  });

  it.each([307, 308])('sends the same request to where a %i points', async (status) => {
    const inner = scripted(redirect(status, '/v2/batch'), redirect(status, 'http://a.example/v3'), OK);
    expect(await withRedirects(inner, () => 0).post(REQUEST)).toBe(OK);
    expect(inner.requests.map(({ url }) => url)).toEqual([
      REQUEST.url,
      'http://a.example/v2/batch',
      'http://a.example/v3',
    ]);
    expect(inner.requests.at(-1)).toMatchObject({ headers: REQUEST.headers, body: REQUEST.body });
  });

  it.each([301, 302, 303, 300, 304])('does not follow a %i', async (status) => {
    const reply = redirect(status, '/elsewhere');
    const inner = scripted(reply, OK);
    expect(await withRedirects(inner, () => 0).post(REQUEST)).toBe(reply);
    expect(inner.requests).toHaveLength(1);
  });

  it('follows no more than five', async () => {
    const reply = redirect(307, '/again');
    const inner = scripted(reply);
    expect(await withRedirects(inner, () => 0).post(REQUEST)).toBe(reply);
    expect(inner.requests).toHaveLength(6);
  });

  it('gives all of them together the time of one request', async () => {
    let nowMs = 0;
    const inner = scripted(redirect(307, '/2'), redirect(307, '/3'), OK);
    const slow: Transport = {
      ...inner,
      post: (request) => {
        nowMs += 600;
        return inner.post(request);
      },
    };
    await withRedirects(slow, () => nowMs).post(REQUEST);
    expect(inner.requests.map(({ timeoutMs }) => timeoutMs)).toEqual([1_000, 400, 1]);
  });
});

function headersAt(from: string, location: string): unknown {
  return redirected({ ...REQUEST, url: from }, redirect(307, location))?.headers;
}

describe('redirected', () => {
  it.each([
    ['http://a.example/', 'http://a.example/x'],
    ['http://a.example/', 'https://a.example/'],
    ['https://a.example:8443/', '//a.example:8443/x'],
  ])('tells who we are when %s points to %s', (from, to) => {
    expect(headersAt(from, to)).toEqual(REQUEST.headers);
  });

  it.each([
    ['http://a.example/', 'http://b.example/'],
    ['http://a.example/', 'http://a.example:8080/'],
    ['https://a.example/', 'https://x.a.example/'],
  ])('does not tell it to others, when %s points to %s', (from, to) => {
    expect(headersAt(from, to)).toEqual({ 'user-agent': 'y' });
  });

  it.each(['http://a.example/', 'ftp://a.example/', 'http://', 'data:,'])(
    'does not leave https for %s',
    (to) => {
      expect(headersAt('https://a.example/', to)).toBeUndefined();
    },
  );

  it('has nowhere to go without a location', () => {
    expect(redirected(REQUEST, redirect(307))).toBeUndefined();
    expect(
      redirected(REQUEST, { kind: 'unanswered', error: Object.assign(new Error('x'), { code: 'X' }) }),
    ).toBeUndefined();
  });
});
