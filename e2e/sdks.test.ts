import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const require = createRequire(import.meta.url);

type Call = 'track' | 'identify' | 'page' | 'screen' | 'group' | 'alias';
type Message = Record<string, unknown>;

/** What each SDK offers to a program; they differ in how one waits for the end. */
interface Sdk {
  call(type: Call, message: Message): void;
  end(): Promise<unknown>;
}

const SDKS: Record<string, { library: string; open(host: string): Sdk }> = {
  'analytics-node 6.2': {
    library: 'analytics-node',
    open: (host) => {
      // The package ships no types that fit its own constructor in ESM.
      const Analytics = require('analytics-node') as new (key: string, options: object) => LegacyClient;
      const client = new Analytics('shop-key', { host, flushAt: 6 });
      // Else the first event goes alone and flush() would cover only what is queued behind it.
      client.flushed = true;
      return { call: (type, message) => void client[type](message), end: () => client.flush() };
    },
  },
  '@segment/analytics-node 3': {
    library: '@segment/analytics-node',
    open: (host) => {
      const { Analytics } = require('@segment/analytics-node') as {
        Analytics: new (
          options: object,
        ) => Record<Call, (message: Message) => void> & { closeAndFlush(): Promise<void> };
      };
      const client = new Analytics({ writeKey: 'shop-key', host });
      return { call: (type, message) => client[type](message), end: () => client.closeAndFlush() };
    },
  },
  '@millrace/node': {
    library: '@millrace/node',
    open: (host) => {
      const Analytics = require('@millrace/node') as new (key: string, options: object) => LegacyClient;
      const client = new Analytics('shop-key', { host });
      return { call: (type, message) => void client[type](message), end: () => client.flush() };
    },
  },
};

interface LegacyClient extends Record<Call, (message: Message) => unknown> {
  flushed: boolean;
  flush(): Promise<unknown>;
}

const CALLS: { type: Call; message: Message }[] = [
  {
    type: 'identify',
    message: {
      userId: 'u-1',
      traits: { email: 'ada@example.com', plan: 'Pro', nested: { deep: [1, null, 'é'] } },
    },
  },
  {
    type: 'track',
    message: {
      userId: 'u-1',
      anonymousId: 'a-1',
      event: 'Order Completed',
      properties: { total: 39.95, items: [{ sku: 'x', quantity: 2 }], note: 'naïve 🛒' },
      context: { ip: '10.1.2.3', locale: 'de-DE' },
      integrations: { All: true, Mixpanel: false },
      timestamp: new Date('2026-01-02T03:04:05.678Z'),
    },
  },
  {
    type: 'page',
    message: {
      anonymousId: 'a-1',
      category: 'Docs',
      name: 'Guide',
      properties: { url: 'https://example.com/guide' },
    },
  },
  { type: 'screen', message: { userId: 'u-1', category: 'App', name: 'Home', properties: { depth: 3 } } },
  { type: 'group', message: { userId: 'u-1', groupId: 'g-9', traits: { name: 'Initech', seats: 12 } } },
  { type: 'alias', message: { userId: 'u-1', previousId: 'a-1' } },
];

describe.each(Object.entries(SDKS))('%s with its host changed', (_, sdk) => {
  let project: Project;
  let receiver: Receiver;
  let server: Millrace;

  beforeAll(async () => {
    project = await createProject();
    receiver = await startReceiver();
    await project.writeConfig(configFor(receiver.url));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    const client = sdk.open(server.trackingUrl);
    for (const { type, message } of CALLS) client.call(type, structuredClone(message));
    await client.end();
    await vi.waitFor(() => expect(receiver.events()).toHaveLength(CALLS.length), { timeout: 20_000 });
    await vi.waitFor(async () => expect(await project.ndjson('events')).toHaveLength(CALLS.length), {
      timeout: 20_000,
    });
  });

  afterAll(async () => {
    await server.stop();
    await receiver.close();
    await project.remove();
  });

  it.each(CALLS)('$type reaches the webhook and the file with all its fields', async ({ type, message }) => {
    const arrived = receiver.events().filter((event) => event['type'] === type);
    expect(arrived).toHaveLength(1);
    const event = arrived[0]!;
    const { timestamp, context, ...fields } = message;
    expect(event).toMatchObject(fields);
    if (context) expect(event['context']).toMatchObject(context);
    expect(event['context']).toMatchObject({
      library: { name: sdk.library, version: expect.any(String) as string },
    });
    expect(event['messageId']).toEqual(expect.any(String));
    expect(event).not.toHaveProperty('writeKey');
    for (const stamp of ['receivedAt', 'sentAt', 'originalTimestamp', 'timestamp']) {
      expect(event[stamp], stamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    if (timestamp instanceof Date) {
      expect(event['originalTimestamp']).toBe(timestamp.toISOString());
      // The clocks of one machine agree: the correction is what the request took.
      const correctionMs = Date.parse(event['timestamp'] as string) - timestamp.getTime();
      expect(correctionMs).toBe(
        Date.parse(event['receivedAt'] as string) - Date.parse(event['sentAt'] as string),
      );
    }
    expect(await project.ndjson('events')).toContainEqual(event);
  });

  it('sends the configured headers', () => {
    expect(receiver.requests[0]).toMatchObject({
      method: 'POST',
      path: '/in',
      headers: { 'x-team': 'growth', 'content-type': 'application/json' },
    });
  });
});
