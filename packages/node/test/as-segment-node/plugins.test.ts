import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from '../scripted-server.ts';
import { LIBRARIES, VALID, type Client, type Context, type Plugin } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

const sent = () => server.requests.flatMap(({ body }) => body.batch);
const plugin = (fields: Partial<Plugin>): Plugin => ({
  name: 'a plugin',
  type: 'enrichment',
  version: '1.0.0',
  isLoaded: () => true,
  load: async () => undefined,
  ...fields,
});

const changing = (context: Context): Context => {
  context.updateEvent('properties.added', true);
  context.event['context'] = { ...(context.event['context'] as object), app: 'mine' };
  return context;
};

const changingLate = async (context: Context): Promise<Context> => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  context.updateEvent('properties', { late: true });
  return context;
};

const cancelling = (context: Context): Context => {
  if (context.event['event'] === 'secret') context.cancel(new Error('not this one'));
  return context;
};

describe.each(LIBRARIES)('a plugin of %s', (_, Library) => {
  const client = (settings: object = {}): Client =>
    new Library({ writeKey: 'KEY', host: server.host, ...settings });

  it.each(['before', 'enrichment'] as const)('of type %s may change an event', async (type) => {
    const analytics = client();
    await analytics.register(plugin({ type, track: changing }));
    analytics.track({ ...VALID, properties: { own: 1 } });
    analytics.identify(VALID);
    await analytics.closeAndFlush();
    // Theirs does not keep the order of the calls.
    const [other, changed] = sent().toSorted((a, b) => String(a['type']).localeCompare(String(b['type'])));
    expect(changed).toMatchObject({ properties: { own: 1, added: true }, context: { app: 'mine' } });
    expect(other).not.toHaveProperty('context.app');
  });

  it('may take its time, and the flush waits', async () => {
    const analytics = client();
    await analytics.register(plugin({ track: changingLate }));
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(sent()).toMatchObject([{ properties: { late: true } }]);
  });

  it('may cancel an event', async () => {
    const analytics = client({ flushAt: 1 });
    await analytics.register(plugin({ type: 'before', track: cancelling }));
    analytics.track({ ...VALID, event: 'secret' });
    analytics.track({ ...VALID, event: 'open' });
    await vi.waitFor(() => expect(sent().map(({ event }) => event)).toEqual(['open']));
  });

  it('does its work no more once it is deregistered', async () => {
    const analytics = client();
    const track = vi.fn<(context: Context) => Context>((context) => context);
    await analytics.register(plugin({ name: 'watcher', track }));
    analytics.track(VALID);
    await analytics.flush();
    await analytics.deregister('watcher');
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(track).toHaveBeenCalledTimes(1);
    expect(sent()).toHaveLength(2);
  });
});
