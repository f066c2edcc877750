import { afterEach, beforeEach, expect, it } from 'vitest';
import { startServer, type ReceivedRequest, type ScriptedServer } from '../scripted-server.ts';
import { LIBRARIES, VALID, type Library } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

async function requestOf(Library: Library, options: object): Promise<ReceivedRequest> {
  const analytics = new Library('KEY:with/odd=characters', { host: server.host, ...options });
  analytics.flushed = true;
  analytics.identify({ userId: 7, traits: { plan: 'pro', gone: undefined } });
  analytics.track({ ...VALID, properties: { at: new Date(0), nothing: Number.NaN }, own: ['key'] });
  analytics.page({ anonymousId: 8, name: '水', context: { ip: '1', library: { name: 'mine' } } });
  analytics.screen({ anonymousId: 'a', timestamp: new Date(5), messageId: 'mine' });
  analytics.group({ ...VALID, integrations: { All: false, Vero: true } });
  analytics.alias(VALID);
  await analytics.flush();
  return server.requests.at(-1)!;
}

it('the two post the same request, but for the name of the library', async () => {
  const requests: ReceivedRequest[] = [];
  for (const [name, Library] of LIBRARIES) {
    const request = await requestOf(Library, { path: '/v1/b/' });
    const { name: sent } = request.body.batch[1]!['context'] as { name?: string };
    expect(sent ?? request.headers['user-agent']).toMatch(new RegExp(`^${name}/\\d`));
    requests.push(request);
  }
  const [legacy, ours] = requests.map(({ method, path, headers, body }) => ({
    method,
    path,
    authorization: headers.authorization,
    contentType: headers['content-type'],
    bodyKeys: Object.keys(body),
    stamps: [body.timestamp, body.sentAt].map((stamp) => new Date(stamp).toISOString() === stamp),
    batch: body.batch.map((event) => comparable(event)),
  }));
  expect(ours).toEqual(legacy);
});

function form(value: unknown): string {
  return String(value).replaceAll(/[0-9a-f]/g, '0');
}

/** Without what no two calls share, of which only the form is kept. */
function comparable(event: Record<string, unknown>): unknown {
  const { messageId, timestamp, context, ...same } = event;
  const { library, ...own } = context as { library: object };
  return {
    ...same,
    messageId: form(messageId),
    timestamp: form(timestamp),
    context: { ...own, library: Object.keys(library) },
  };
}
