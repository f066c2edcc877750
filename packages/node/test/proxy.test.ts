import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startProxy, type ForwardProxy } from './forward-proxy.ts';
import { LOCALHOST_CERTIFICATE } from './localhost-tls.ts';
import { startServer, type ScriptedServer } from './scripted-server.ts';

/** Programs of their own, since proxies and certificates are settings of the process. */

vi.setConfig({ testTimeout: 25_000 });

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of opened.splice(0)) await part.close();
});

async function server(options: { tls: boolean }): Promise<ScriptedServer> {
  const started = await startServer(options);
  opened.push(started);
  return started;
}

async function proxy(options: { tls: boolean }): Promise<ForwardProxy> {
  const started = await startProxy(options);
  opened.push(started);
  return started;
}

interface Outcome {
  errors: { code: string; message: string }[];
  elapsedMs: number;
}

/** Tracks and flushes three times, and ends by itself. */
async function program(
  host: string,
  environment: Record<string, string>,
  options: object = {},
): Promise<Outcome> {
  const code = `
    const Analytics = require('@millrace/node');
    const analytics = new Analytics('KEY', ${JSON.stringify({ host, retryCount: 0, ...options })});
    const startedMs = performance.now();
    const errors = [];
    (async () => {
      for (const event of ['a', 'b', 'c']) {
        analytics.track({ userId: 'u', event });
        await analytics.flush().catch(({ code, message }) => errors.push({ code, message }));
      }
    })();
    process.on('exit', () => {
      console.log(JSON.stringify({ errors, elapsedMs: performance.now() - startedMs }));
    });`;
  const { PATH } = process.env;
  const env = { PATH, NODE_EXTRA_CA_CERTS: LOCALHOST_CERTIFICATE, ...environment };
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, ['-e', code], { cwd, env, timeout: 20_000 }, (error, out, stderr) => {
      if (error || stderr) reject(new Error(`${stderr} ${error?.message ?? ''}`));
      else resolve(out);
    });
  });
  return JSON.parse(stdout) as Outcome;
}

const eventsOf = ({ requests }: ScriptedServer): unknown[] =>
  requests.flatMap(({ body }) => body.batch.map(({ event }) => event));

describe.each([
  ['an http proxy', false],
  ['an https proxy', true],
])('through %s', (_, tls) => {
  it('https goes in one tunnel that is kept, and the proxy sees neither key nor event', async () => {
    const [target, by] = [await server({ tls: true }), await proxy({ tls })];
    const { errors } = await program(target.host, {
      HTTPS_PROXY: by.host.replace('://', '://us%3Aer:p%40ss@'),
    });
    expect(errors).toEqual([]);
    expect(eventsOf(target)).toEqual(['a', 'b', 'c']);
    expect(target.requests[0]?.headers).toMatchObject({ authorization: 'Basic S0VZOg==' });
    expect(target.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
    const authorization = `Basic ${Buffer.from('us:er:p@ss').toString('base64')}`;
    expect(by.asked).toEqual([
      { method: 'CONNECT', target: target.host.slice('https://'.length), authorization },
    ]);
  });

  it('http goes in absolute form', async () => {
    const [target, by] = [await server({ tls: false }), await proxy({ tls })];
    const { errors } = await program(target.host, { http_proxy: by.host.replace('://', '://user:@') });
    expect(errors).toEqual([]);
    expect(eventsOf(target)).toEqual(['a', 'b', 'c']);
    expect(target.requests[0]?.headers).toMatchObject({ host: target.host.slice('http://'.length) });
    const authorization = `Basic ${Buffer.from('user:').toString('base64')}`;
    expect(by.asked[0]).toEqual({ method: 'POST', target: `${target.host}/v1/batch`, authorization });
  });
});

it('NO_PROXY goes directly', async () => {
  const [target, by] = [await server({ tls: true }), await proxy({ tls: false })];
  const { errors } = await program(target.host, { HTTPS_PROXY: by.host, NO_PROXY: '127.0.0.0/8' });
  expect(errors).toEqual([]);
  expect(eventsOf(target)).toEqual(['a', 'b', 'c']);
  expect(by.asked).toEqual([]);
});

it('a proxy that refuses is named, with its status, and what is temporary is tried again', async () => {
  const [target, by] = [await server({ tls: true }), await proxy({ tls: false })];
  by.refuse(407);
  by.refuse(503);
  const { errors } = await program(target.host, { HTTPS_PROXY: by.host }, { retryCount: 1 });
  const name = by.host.slice('http://'.length);
  expect(errors).toEqual([
    { code: 'HTTP_407', message: `the proxy ${name} answered 407 Proxy Authentication Required` },
  ]);
  expect(eventsOf(target)).toEqual(['b', 'c']);
});

it('a certificate that nobody vouches for is refused behind a proxy too', async () => {
  const [target, by] = [await server({ tls: true }), await proxy({ tls: false })];
  const { errors } = await program(target.host, { HTTPS_PROXY: by.host, NODE_EXTRA_CA_CERTS: '' });
  expect(errors).toMatchObject([{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, {}, {}]);
  expect(target.requests).toEqual([]);
});

it('a proxy that never answers holds a flush for the time-out, and the process no longer', async () => {
  const silent = createServer((socket) => socket.resume().on('error', () => undefined));
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  opened.push({
    close: () =>
      new Promise((resolve) => {
        silent.close(() => resolve());
      }),
  });
  const host = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const outcome = await program('https://127.0.0.1:1', { HTTPS_PROXY: host }, { timeout: 100 });
  expect(outcome.errors).toMatchObject([{ code: 'ECONNABORTED' }, {}, {}]);
  expect(outcome.elapsedMs).toBeLessThan(5_000);
});

it('a proxy of a kind that we do not speak is named, and nothing goes past it', async () => {
  const target = await server({ tls: true });
  const { errors } = await program(target.host, { HTTPS_PROXY: 'socks5://127.0.0.1:1' });
  expect(errors[0]?.message).toContain('HTTPS_PROXY must be');
  expect(target.requests).toEqual([]);
});
