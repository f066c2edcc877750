import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { deliveryEvent } from '../contract.ts';
import type { Outcome } from '../destination.ts';
import { GZIP_MIN_BYTES } from './content-encoding.ts';
import { webhookSettings } from './settings.ts';
import { createWebhook } from './webhook.ts';

const fixtures = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));
const OLD = `whsec_${Buffer.alloc(24, 'old').toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(32, 'new').toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;

interface Received {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

type Settings = z.input<ReturnType<typeof webhookSettings>>;

async function deliver(settings: Settings, ...ids: string[]): Promise<Outcome | undefined> {
  const destination = createWebhook(webhookSettings(fixtures).parse(settings));
  const events = ids.map((id) => deliveryEvent(id));
  const { signal } = new AbortController();
  return (await destination.deliver(events, { state: undefined, signal })).outcomes[0];
}

/** As a receiver does. */
function verify({ headers, body }: Received, secret: string): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}

const large = (prefix: string) => Array.from({ length: 50 }, (_, index) => `${prefix}-${index}`);
const pem = (name: string) => readFileSync(`${fixtures}${name}`, 'utf8');

describe('what a webhook request carries', () => {
  let requests: Received[];
  let servers: (https.Server | ReturnType<typeof createServer>)[];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests.push({ headers: request.headers, body: Buffer.concat((await request.toArray()) as Buffer[]) });
    response.end();
  };
  const listener: RequestListener = (request, response) => void take(request, response);

  beforeEach(() => {
    requests = [];
    servers = [];
  });
  afterEach(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listen(tls?: https.ServerOptions): Promise<string> {
    const server = tls ? https.createServer(tls, listener) : createServer(listener);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  it('is not signed without a secret', async () => {
    await deliver({ url: await listen() }, 'a');
    expect(Object.keys(requests[0]!.headers).filter((name) => name.startsWith('webhook-'))).toEqual([]);
  });

  it('is signed so that the library of the standard takes it, and no other secret does', async () => {
    await deliver({ url: await listen(), secret: NEW }, 'zoë-🐎');
    expect(verify(requests[0]!, NEW)).toMatchObject({ messageId: 'zoë-🐎' });
    expect(() => verify(requests[0]!, OTHER)).toThrow(WebhookVerificationError);
    const { body } = requests[0]!;
    const changed = { ...requests[0]!, body: Buffer.from(body.toString().replace('{', '{ ')) };
    expect(() => verify(changed, NEW)).toThrow(WebhookVerificationError);
  });

  it('is signed with each of several secrets', async () => {
    await deliver({ url: await listen(), secret: [NEW, OLD], batch: { maxCount: 5 } }, 'a', 'b');
    for (const secret of [NEW, OLD]) {
      expect(verify(requests[0]!, secret)).toMatchObject([{ messageId: 'a' }, { messageId: 'b' }]);
    }
    expect(() => verify(requests[0]!, OTHER)).toThrow(WebhookVerificationError);
  });

  it('has one id for the same events, in every attempt and after a restart, and another one for others', async () => {
    const settings = { url: await listen(), secret: NEW, batch: { maxCount: 5 } };
    // Each with a destination of its own.
    await deliver(settings, 'a', 'b');
    await deliver(settings, 'a', 'b');
    await deliver(settings, 'a');
    await deliver(settings, 'a","b');
    const [first, again, ...others] = requests.map(({ headers }) => headers['webhook-id']);
    expect(first).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it('is compressed from a kilobyte on, and signed as it is once that is undone', async () => {
    const settings = { url: await listen(), secret: NEW, gzip: true, batch: { maxCount: 50 } };
    await deliver(settings, ...large('event'));
    await deliver(settings, 'small');
    const [compressed, plain] = requests as [Received, Received];
    expect(compressed.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(compressed.body.length),
    });
    const body = gunzipSync(compressed.body);
    expect(body.length).toBeGreaterThan(GZIP_MIN_BYTES);
    expect(verify({ ...compressed, body }, NEW)).toHaveLength(50);
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(verify(plain, NEW)).toMatchObject([{ messageId: 'small' }]);
  });

  it('is not compressed unless that is asked for', async () => {
    await deliver({ url: await listen(), batch: { maxCount: 50 } }, ...large('event'));
    expect(JSON.parse(requests[0]!.body.toString())).toHaveLength(50);
  });

  describe('over TLS', () => {
    const server = { cert: pem('localhost.crt'), key: pem('localhost.key') };

    it('is sent to whom the authorities of the config vouch for, and to nobody else', async () => {
      const url = await listen(server);
      await expect(deliver({ url }, 'a')).resolves.toMatchObject({ kind: 'retry', code: 'NETWORK_ERROR' });
      await expect(deliver({ url, tls: { ca: 'client.crt' } }, 'a')).resolves.toMatchObject({
        kind: 'retry',
      });
      expect(requests).toEqual([]);
      await expect(deliver({ url, tls: { ca: 'localhost.crt' } }, 'a')).resolves.toEqual({
        kind: 'delivered',
      });
      await expect(deliver({ url, tls: { ca: server.cert } }, 'a')).resolves.toEqual({ kind: 'delivered' });
      expect(requests).toHaveLength(2);
    });

    it('shows the certificate of the config where the receiver asks for one', async () => {
      const url = await listen({
        ...server,
        requestCert: true,
        rejectUnauthorized: true,
        ca: pem('client.crt'),
      });
      const ca = 'localhost.crt';
      await expect(deliver({ url, tls: { ca } }, 'a')).resolves.toMatchObject({ kind: 'retry' });
      const tls = { ca, cert: 'client.crt', key: pem('client.key') };
      await expect(deliver({ url, tls }, 'a')).resolves.toEqual({ kind: 'delivered' });
      expect(requests).toHaveLength(1);
    });
  });
});
