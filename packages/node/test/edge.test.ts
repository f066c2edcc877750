import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EdgeVM } from '@edge-runtime/vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Analytics } from '../src/analytics.ts';
import { startAuthServer } from './auth-server.ts';
import { gate, startServer, type ScriptedServer } from './scripted-server.ts';

/** The built bundle in a runtime that has `fetch` and little else: that of Vercel, from npm. */

const CODE = readFileSync(new URL('../dist/edge.cjs', import.meta.url), 'utf8');
const FILES = ['edge.cjs', 'edge.mjs'];

let server: ScriptedServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

function load(): { vm: EdgeVM; Edge: typeof Analytics } {
  const vm = new EdgeVM();
  const Edge = vm.evaluate<typeof Analytics>(
    `(() => { const module = { exports: {} }; const exports = module.exports; ${CODE}\n return module.exports; })()`,
  );
  return { vm, Edge };
}

const events = (): unknown[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event));

it('runs where Node is not', () => {
  const { vm } = load();
  expect(vm.evaluate('[typeof process, typeof Buffer, typeof require, typeof setImmediate]')).toEqual(
    Array.from({ length: 4 }, () => 'undefined'),
  );
});

it.each(FILES)('%s imports nothing', (file) => {
  const code = readFileSync(new URL(`../dist/${file}`, import.meta.url), 'utf8');
  expect(code).not.toMatch(/\brequire\(|\bimport\s*[({'"]|\bfrom\s*['"]|["']node:/);
});

describe('@millrace/node/edge', () => {
  it('delivers over fetch, for a handler that waits for the flush', async () => {
    const { Edge } = load();
    const analytics = new Edge({ writeKey: 'KEY', host: server.host });
    const delivered: unknown[] = [];
    analytics.track({ userId: 'u', event: 'a' }, (error) => delivered.push(error));
    analytics.track({ userId: 'u', event: '水', properties: { n: 1 } });
    const waited: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => void waited.push(promise) };
    context.waitUntil(analytics.flush());
    await Promise.all(waited);
    expect(events()).toEqual(['a', '水']);
    expect(delivered).toEqual([undefined]);
    expect(server.requests[0]).toMatchObject({
      headers: { authorization: 'Basic S0VZOg==', 'content-type': 'application/json' },
      body: { batch: [{ _metadata: { jsRuntime: 'vercel-edge' } }, {}] },
    });
    const [first, second] = server.requests.flatMap(({ body }) =>
      body.batch.map(({ messageId }) => messageId),
    );
    expect(first).toMatch(/^node-[0-9a-f]{32}-[0-9a-f-]{36}$/);
    expect(second).not.toBe(first);
  });

  it('retries, and gives up a request that takes too long', async () => {
    const { Edge } = load();
    const { opened, open } = gate();
    server.script({ status: 503 }, { after: opened });
    const analytics = new Edge({ writeKey: 'KEY', host: server.host, httpRequestTimeout: 200 });
    analytics.track({ userId: 'u', event: 'a' });
    await analytics.flush();
    open();
    expect(events()).toEqual(['a', 'a', 'a']);
  });

  it('counts bytes as Node does', () => {
    const { Edge } = load();
    const analytics = new Edge({ writeKey: 'KEY', host: server.host });
    const track = (text: string) => () => analytics.track({ userId: 'u', event: 'e', properties: { text } });
    expect(track('水'.repeat(11_000))).toThrow('Your message must be < 32kb.');
    expect(track('x'.repeat(11_000))).not.toThrow();
  });

  it.each([
    ['exitHook', true],
    ['exitDrainMs', 100],
    ['spool', { dir: '/tmp' }],
  ])('refuses %s by name', (name, value) => {
    const { Edge } = load();
    expect(() => new Edge({ writeKey: 'KEY', [name]: value })).toThrow(
      `The option "${name}" needs a process of Node`,
    );
  });

  it('signs for a token with WebCrypto', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const auth = await startAuthServer({ publicKey, keyId: 'key-1' });
    const { Edge } = load();
    const clientKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const oauthSettings = { clientId: 'app', clientKey, keyId: 'key-1', authServer: auth.host };
    const analytics = new Edge({ writeKey: 'KEY', host: server.host, oauthSettings });
    analytics.track({ userId: 'u', event: 'a' });
    await analytics.flush();
    await auth.close();
    expect(server.requests).toMatchObject([
      { headers: { authorization: 'Bearer token-1' }, body: { writeKey: 'KEY' } },
    ]);
  });

  it('says when the runtime cannot compress', () => {
    const { Edge } = load();
    expect(() => new Edge({ writeKey: 'KEY', gzip: true })).toThrow('"gzip" needs CompressionStream');
  });
});
