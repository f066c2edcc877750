import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type ScriptedServer } from '../test/scripted-server.ts';
import { Analytics } from './analytics.ts';
import type { MessageDefaults } from './with-context.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

function client(): Analytics {
  const analytics = new Analytics('KEY', { host: server.host });
  analytics.flushed = true;
  return analytics;
}

async function sent(analytics: Analytics): Promise<unknown[]> {
  await analytics.flush();
  return server.requests.flatMap(({ body }) => body.batch);
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('withContext', () => {
  it('gives calls what they leave out, also those made later on', async () => {
    const analytics = client();
    const result = await analytics.withContext({ userId: 'u', integrations: { All: false } }, async () => {
      analytics.track({ event: 'a' });
      await turn();
      analytics.track({ event: 'b' });
      return 'result';
    });
    expect(result).toBe('result');
    expect(await sent(analytics)).toMatchObject([
      { userId: 'u', event: 'a', integrations: { All: false } },
      { userId: 'u', event: 'b', integrations: { All: false } },
    ]);
  });

  it('lets the call win, member by member, and merges `context`', async () => {
    const analytics = client();
    analytics.withContext({ userId: 'u', context: { ip: '10.0.0.1', page: { url: 'a' } } }, () => {
      analytics.track({ userId: 'other', event: 'a', context: { page: { url: 'b' }, locale: 'de' } });
      analytics.track({ userId: undefined, event: 'b', context: { ip: undefined } });
    });
    expect(await sent(analytics)).toMatchObject([
      { userId: 'other', context: { ip: '10.0.0.1', page: { url: 'b' }, locale: 'de' } },
      { userId: 'u', context: { ip: '10.0.0.1', page: { url: 'a' } } },
    ]);
  });

  it('merges within another one, and ends with its function', async () => {
    const analytics = client();
    analytics.withContext({ anonymousId: 'a', context: { ip: '10.0.0.1' } }, () => {
      analytics.withContext({ userId: 'u', context: { locale: 'de' } }, () => {
        analytics.track({ event: 'inner' });
      });
      analytics.track({ event: 'outer' });
    });
    const [inner, outer] = await sent(analytics);
    expect(inner).toMatchObject({ anonymousId: 'a', userId: 'u', context: { ip: '10.0.0.1', locale: 'de' } });
    expect(outer).toMatchObject({ anonymousId: 'a' });
    expect(outer).not.toHaveProperty('userId');
    expect(() => analytics.track({ event: 'outside' })).toThrow('You must pass either');
  });

  it('keeps concurrent ones and other clients apart', async () => {
    const analytics = client();
    const other = client();
    const request = (userId: string): Promise<void> =>
      analytics.withContext({ userId }, async () => {
        await turn();
        analytics.track({ event: 'e' });
        expect(() => other.track({ event: 'e' })).toThrow('You must pass either');
      });
    await Promise.all([request('a'), request('b')]);
    expect(await sent(analytics)).toMatchObject([{ userId: 'a' }, { userId: 'b' }]);
  });

  it('has the message validated as it is with what it was given', () => {
    const analytics = client();
    analytics.withContext({ userId: {} }, () => {
      expect(() => analytics.track({ event: 'a' })).toThrow('"userId" must be a string or number.');
      expect(() => analytics.track(undefined as unknown as object)).toThrow(
        'You must pass a message object.',
      );
      expect(() => analytics.track([] as object)).toThrow('You must pass a message object.');
    });
  });

  it('changes neither the message nor the defaults', async () => {
    const analytics = client();
    const defaults = { userId: 'u', context: { ip: '10.0.0.1' } };
    const message = { event: 'a', context: { locale: 'de' } };
    analytics.withContext(defaults, () => analytics.track(message));
    await analytics.flush();
    expect(defaults).toEqual({ userId: 'u', context: { ip: '10.0.0.1' } });
    expect(message).toEqual({ event: 'a', context: { locale: 'de' } });
  });

  it('refuses defaults that are no object', () => {
    const none = undefined as unknown as MessageDefaults;
    expect(() => client().withContext(none, () => undefined)).toThrow(
      'The defaults of a context must be an object.',
    );
  });
});
