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

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const PATIENCE = { timeout: 20_000 };

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
  });

  afterAll(async () => {
    await server.stop();
    await receiver.close();
    await project.remove();
  });

  const arrived = (type: Call) => receiver.events().filter((event) => event['type'] === type);

  it.each(CALLS)('$type reaches the webhook and the file, once and with all its fields', async (call) => {
    const { timestamp: _, context, ...fields } = call.message;
    const expected = {
      ...fields,
      context: {
        ...(context as object | undefined),
        library: { name: sdk.library, version: expect.any(String) as string },
      },
      messageId: expect.any(String) as string,
      timestamp: expect.stringMatching(ISO_DATE) as string,
      originalTimestamp: expect.stringMatching(ISO_DATE) as string,
      sentAt: expect.stringMatching(ISO_DATE) as string,
      receivedAt: expect.stringMatching(ISO_DATE) as string,
    };
    await vi.waitFor(() => expect(arrived(call.type)).toMatchObject([expected]), PATIENCE);
    const [event] = arrived(call.type);
    expect(event).not.toHaveProperty('writeKey');
    await vi.waitFor(
      async () =>
        expect((await project.ndjson('events')).filter(({ type }) => type === call.type)).toEqual([event]),
      PATIENCE,
    );
  });

  it('keeps the time of a historical event, corrected by what the clocks differ', async () => {
    const event = await vi.waitFor(() => {
      const [track] = arrived('track');
      expect(track).toBeDefined();
      return track as { [stamp: string]: string };
    }, PATIENCE);
    expect(event['originalTimestamp']).toBe('2026-01-02T03:04:05.678Z');
    const msBetween = (later: string, earlier: string) =>
      Date.parse(event[later]!) - Date.parse(event[earlier]!);
    expect(msBetween('timestamp', 'originalTimestamp')).toBe(msBetween('receivedAt', 'sentAt'));
  });

  it('sends the configured headers', async () => {
    await vi.waitFor(() => expect(receiver.requests).not.toHaveLength(0), PATIENCE);
    expect(receiver.requests[0]).toMatchObject({
      method: 'POST',
      path: '/in',
      headers: { 'x-team': 'growth', 'content-type': 'application/json' },
    });
  });
});
