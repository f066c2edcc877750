import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryEvent, describeDestination, offerAll } from '../contract.ts';
import type { DeliveryResult, Destination } from '../destination.ts';
import { webhookSettings } from './settings.ts';
import { createWebhook } from './webhook.ts';

interface Received {
  method: string | undefined;
  path: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A receiver on a real socket: what matters here is how undici treats one. */
interface Receiver {
  url: string;
  requests: Received[];
  connectionCount: number;
  /** How requests are answered from now on. At first: 200. */
  answer: (response: ServerResponse) => void;
  close(): Promise<void>;
}

const SECRET = `whsec_${Buffer.alloc(24, 'secret').toString('base64')}`;

async function startReceiver(): Promise<Receiver> {
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks = (await request.toArray()) as Buffer[];
    const { method, url: path, headers } = request;
    const sent = Buffer.concat(chunks);
    const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    receiver.requests.push({ method, path, headers, body: body.toString() });
    receiver.answer(response);
  };
  const server = createServer((request, response) => {
    void take(request, response);
  });
  server.on('connection', () => receiver.connectionCount++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    connectionCount: 0,
    answer: (response) => response.end('ok'),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}

describeDestination('webhook, one event a request', () => rig({}));
describeDestination('webhook, batches', () => rig({ batch: { maxCount: 3 } }));
describeDestination('webhook, signed and compressed', () =>
  rig({ batch: { maxCount: 3 }, secret: SECRET, gzip: true }),
);

async function rig(options: object) {
  const receiver = await startReceiver();
  const settings = webhookSettings().parse({
    url: `${receiver.url}/in?token=secret-in-url`,
    headers: { authorization: 'Bearer secret-in-header' },
    ...options,
  });
  return {
    destination: createWebhook(settings),
    received: () => Promise.resolve(receiver.requests.flatMap(({ body }) => messageIds(JSON.parse(body)))),
    breakVendor: () => (receiver.answer = (response) => response.destroy()),
    hangVendor: () => (receiver.answer = () => undefined),
    secrets: ['secret-in-url', 'secret-in-header', SECRET],
    dispose: () => receiver.close(),
  };
}

function messageIds(body: unknown): string[] {
  return [body].flat().map((event) => (event as { messageId: string }).messageId);
}

describe('the webhook destination', () => {
  let receiver: Receiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  function webhook(options: object = {}): Destination {
    return createWebhook(webhookSettings().parse({ url: `${receiver.url}/in?a=b`, ...options }), {
      clock: {
        nowMs: () => Date.UTC(2026, 2, 1),
        random: () => 0,
        sleep: () => Promise.resolve(),
      },
    });
  }

  it('posts one event as the bytes that stand in the log', async () => {
    await deliver(webhook(), 'a');
    expect(receiver.requests).toMatchObject([
      {
        method: 'POST',
        path: '/in?a=b',
        headers: { 'content-type': 'application/json', 'user-agent': 'millrace' },
        body: deliveryEvent('a').json.toString(),
      },
    ]);
  });

  it('posts an array of the same bytes when it batches, even of one event', async () => {
    const destination = webhook({ batch: { maxCount: 5 } });
    expect(destination.batch.maxCount).toBe(5);
    const result = await deliver(destination, 'a', 'b');
    await deliver(destination, 'c');
    const [a, b, c] = ['a', 'b', 'c'].map((id) => deliveryEvent(id).json.toString());
    expect(receiver.requests.map(({ body }) => body)).toStrictEqual([`[${a},${b}]`, `[${c}]`]);
    expect(result.outcomes).toStrictEqual([{ kind: 'delivered' }, { kind: 'delivered' }]);
  });

  it('sends the headers of the config, which win over its own', async () => {
    await deliver(
      webhook({ headers: { Authorization: 'Bearer abc', 'Content-Type': 'application/x-event' } }),
      'a',
    );
    expect(receiver.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer abc',
      'content-type': 'application/x-event',
    });
  });

  it('takes the outcome from the status, for every event of the batch', async () => {
    receiver.answer = (response) => response.writeHead(503, { 'retry-after': '20' }).end();
    const { outcomes } = await deliver(webhook({ batch: { maxCount: 5 } }), 'a', 'b');
    const expected = { kind: 'retry', code: 'HTTP_503', afterMs: 20_000 };
    expect(outcomes).toMatchObject([expected, expected]);
  });

  it('reads a Retry-After date by its clock', async () => {
    const date = 'Sun, 01 Mar 2026 00:01:00 GMT';
    receiver.answer = (response) => response.writeHead(429, { 'retry-after': date }).end();
    const { outcomes } = await deliver(webhook(), 'a');
    expect(outcomes).toMatchObject([{ kind: 'retry', code: 'HTTP_429', afterMs: 60_000 }]);
  });

  it('follows no redirect', async () => {
    receiver.answer = (response) => response.writeHead(307, { location: '/elsewhere' }).end();
    const { outcomes } = await deliver(webhook(), 'a');
    expect(outcomes).toMatchObject([{ kind: 'rejected', code: 'HTTP_307' }]);
    expect(receiver.requests).toHaveLength(1);
  });

  it('is refused, without an attempt being spent, when its credentials are', async () => {
    receiver.answer = (response) => response.writeHead(401).end();
    const { outcomes } = await deliver(webhook(), 'a');
    expect(outcomes).toStrictEqual([{ kind: 'unauthorized', code: 'HTTP_401' }]);
  });

  it('retries when the connection breaks', async () => {
    receiver.answer = (response) => response.destroy();
    const { outcomes } = await deliver(webhook(), 'a');
    expect(outcomes).toMatchObject([{ kind: 'retry', code: 'NETWORK_ERROR' }]);
  });

  it('retries when there is nobody', async () => {
    const destination = webhook();
    await receiver.close();
    const { outcomes } = await deliver(destination, 'a');
    expect(outcomes).toMatchObject([{ kind: 'retry', code: 'NETWORK_ERROR' }]);
    receiver = await startReceiver();
  });

  it('retries when there is no answer in time', async () => {
    receiver.answer = () => undefined;
    const { outcomes } = await deliver(webhook({ timeoutMs: 30 }), 'a');
    expect(outcomes).toMatchObject([{ kind: 'retry', code: 'TIMEOUT' }]);
  });

  it('shows with a failure what was sent and answered, without what gives access', async () => {
    receiver.answer = (response) =>
      response.writeHead(422, { 'content-type': 'text/plain' }).end('not with Bearer abc-secret');
    const headers = { Authorization: 'Bearer abc-secret' };
    const { outcomes } = await deliver(webhook({ headers }), 'a');
    expect(outcomes).toStrictEqual([
      {
        kind: 'rejected',
        code: 'HTTP_422',
        exchange: {
          request: {
            method: 'POST',
            url: `${receiver.url}/in?a=***`,
            headers: { 'content-type': 'application/json', 'user-agent': 'millrace', authorization: '***' },
            bodyBytes: deliveryEvent('a').json.length,
          },
          answer: { status: 422, contentType: 'text/plain', body: 'not with ***', isCut: false },
        },
      },
    ]);
  });

  it('shows with a failure that there was no answer', async () => {
    receiver.answer = (response) => response.destroy();
    const [outcome] = (await deliver(webhook(), 'a')).outcomes;
    expect(outcome).toMatchObject({ exchange: { request: { method: 'POST' } } });
    expect(outcome).not.toHaveProperty('exchange.answer');
  });

  it('believes a status whose answer never ends', async () => {
    receiver.answer = (response) => response.writeHead(200).write('and so');
    const { outcomes } = await deliver(webhook({ timeoutMs: 300 }), 'a');
    expect(outcomes).toStrictEqual([{ kind: 'delivered' }]);
  });

  it('does not read a huge answer to its end', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    let sentBytes = 0;
    receiver.answer = (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length;
      };
      response.on('drain', more);
      more();
    };
    const { outcomes } = await deliver(webhook(), 'a');
    expect(outcomes).toStrictEqual([{ kind: 'delivered' }]);
    expect(sentBytes).toBeLessThan(100 * 1024 * 1024);
  });

  it('rejects, so that no attempt is spent, when it is stopped while it waits', async () => {
    const asked = new Promise<void>((resolve) => (receiver.answer = () => resolve()));
    const stopping = new AbortController();
    const delivery = webhook().deliver([deliveryEvent('a')], { state: undefined, signal: stopping.signal });
    await asked;
    stopping.abort(new Error('stopping'));
    await expect(delivery).rejects.toThrow('stopping');
  });

  it('uses connections again', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `message-${index}`);
    await offerAll(
      webhook(),
      ids.map((id) => deliveryEvent(id)),
    );
    expect(receiver.requests).toHaveLength(20);
    expect(receiver.connectionCount).toBeLessThanOrEqual(8);
  });
});

function deliver(destination: Destination, ...ids: string[]): Promise<DeliveryResult> {
  const signal = new AbortController().signal;
  return destination.deliver(
    ids.map((id) => deliveryEvent(id)),
    { state: undefined, signal },
  );
}
