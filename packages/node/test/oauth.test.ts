import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Analytics } from '../src/analytics.ts';
import type { AnalyticsError } from '../src/errors.ts';
import type { AnalyticsOptions } from '../src/options.ts';
import type { OAuthSettings } from '../src/transport/oauth/oauth-settings.ts';
import { startAuthServer, type AuthServer } from './auth-server.ts';
import { startServer, type ScriptedServer } from './scripted-server.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const clientKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: ScriptedServer;
let auth: AuthServer;
const clients: Analytics[] = [];

async function authServer(options: Partial<Parameters<typeof startAuthServer>[0]> = {}): Promise<void> {
  await auth?.close();
  auth = await startAuthServer({ publicKey, keyId: 'key-1', ...options });
}

beforeEach(async () => {
  server = await startServer();
  await authServer();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.closeAndFlush().catch(() => undefined)));
  await server.close();
  await auth.close();
});

function client(settings: Partial<OAuthSettings> = {}, options: AnalyticsOptions = {}): Analytics {
  const analytics = new Analytics({
    writeKey: 'KEY',
    host: server.host,
    exitDrainMs: 0,
    oauthSettings: { clientId: 'app-1', clientKey, keyId: 'key-1', authServer: auth.host, ...settings },
    ...options,
  });
  clients.push(analytics);
  return analytics;
}

async function send(analytics: Analytics, event = 'e'): Promise<AnalyticsError | undefined> {
  analytics.track({ userId: 'u', event });
  return analytics.flush().then(
    () => undefined,
    (error: AnalyticsError) => error,
  );
}

const tokens = (): unknown[] => server.requests.map(({ headers }) => headers.authorization);

describe('oauthSettings', () => {
  it('has a signed assertion turned into a token, and sends it with the write key in the body', async () => {
    const analytics = client();
    expect(await send(analytics)).toBeUndefined();
    expect(await send(analytics)).toBeUndefined();
    expect(tokens()).toEqual(['Bearer token-1', 'Bearer token-1']);
    expect(server.requests[0]!.body).toMatchObject({ writeKey: 'KEY', batch: [{ event: 'e' }] });
    expect(auth.claims).toHaveLength(1);
    const { iat, exp, jti } = auth.claims[0]!;
    expect(auth.claims[0]).toMatchObject({ iss: 'app-1', sub: 'app-1', aud: auth.host });
    expect(Number(exp) - Number(iat)).toBe(60);
    expect(jti).toMatch(/^[0-9a-f-]{36}$/);
    expect(auth.forms[0]).toMatchObject({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      scope: 'tracking_api:write',
      contentType: 'application/x-www-form-urlencoded',
    });
  });

  it('asks once for requests that are made together', async () => {
    const analytics = client({}, { maxConcurrentRequests: 4 });
    const properties = { text: 'x'.repeat(30_000) };
    for (let count = 0; count < 40; count += 1) analytics.track({ userId: 'u', event: 'e', properties });
    await analytics.flush();
    expect(server.requests.length).toBeGreaterThan(1);
    expect(auth.claims).toHaveLength(1);
  });

  it('renews a token before it expires', async () => {
    await authServer({ expiresInSeconds: 0.2 });
    const analytics = client();
    await send(analytics);
    await vi.waitUntil(async () => {
      await send(analytics);
      return tokens().includes('Bearer token-2');
    });
    expect(new Set(tokens())).not.toContain(undefined);
  });

  it('goes on with a token that is still good while none can be had', async () => {
    await authServer({ expiresInSeconds: 60 });
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const analytics = client({ maxRetries: 0 });
      await send(analytics);
      vi.advanceTimersByTime(31_000);
      auth.script({ status: 500 }, { status: 500 });
      expect(await send(analytics)).toBeUndefined();
      expect(await send(analytics)).toBeUndefined();
      expect(tokens()).toEqual(Array.from({ length: 3 }, () => 'Bearer token-1'));
      expect(auth.claims).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('replaces a token that is refused, once', async () => {
    server.script({ status: 401 });
    const analytics = client();
    expect(await send(analytics)).toBeUndefined();
    expect(tokens()).toEqual(['Bearer token-1', 'Bearer token-2']);
    server.script({ status: 401 }, { status: 401 });
    expect(await send(analytics)).toMatchObject({ code: 'HTTP_401' });
    expect(tokens()).toHaveLength(4);
  });

  it('tries again what may pass, as often as maxRetries says', async () => {
    auth.script('cut', { status: 500 });
    expect(await send(client({ maxRetries: 2 }, { maxRetries: 0 }))).toBeUndefined();
    auth.script({ status: 503 }, { status: 503 });
    expect(await send(client({ maxRetries: 1 }, { maxRetries: 0 }))).toMatchObject({
      code: 'HTTP_503',
      message: 'the authorization server answered 503 Service Unavailable',
    });
    expect(auth.claims).toHaveLength(5);
  });

  it('leaves the rest to the retries of the batch', async () => {
    auth.script({ status: 500 }, { status: 500 });
    expect(await send(client({ maxRetries: 0 }, { maxRetries: 5 }))).toBeUndefined();
    expect(auth.claims).toHaveLength(3);
  });

  it('fails a batch at once when the key is not the one that the server knows', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
    const analytics = client({ clientKey: other.export({ type: 'pkcs8', format: 'pem' }).toString() });
    expect(await send(analytics)).toMatchObject({
      code: 'HTTP_401',
      message: 'the authorization server answered 401 Unauthorized',
    });
    expect([auth.claims.length, server.requests.length]).toEqual([1, 0]);
  });

  it.each([
    ['no JSON', '<p>'],
    ['no token', '{"expires_in":3600}'],
    ['no time', '{"access_token":"x"}'],
    ['a token that no header can hold', JSON.stringify({ access_token: 'a\r\nb', expires_in: 1 })],
  ])('names an answer with %s', async (_, body) => {
    auth.script({ status: 200, body });
    expect(await send(client({ maxRetries: 0 }, { maxRetries: 0 }))).toMatchObject({
      code: 'OAUTH_NO_TOKEN',
    });
    expect(server.requests).toEqual([]);
  });

  it('says so when the key cannot sign', async () => {
    const clientKey = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----';
    const error = await send(client({ clientKey }));
    expect(error?.message).toBe('The option "oauthSettings.clientKey" is no RSA key that can sign.');
    expect(auth.forms).toEqual([]);
  });

  it.each([600_000, -600_000])('works beside a server whose clock is %i ms from ours', async (aheadMs) => {
    await authServer({ aheadMs });
    expect(await send(client())).toBeUndefined();
    expect(auth.claims).toHaveLength(2);
  });

  it('asks over the HTTP client of the program, or over one that is for this alone', async () => {
    const asked: string[] = [];
    const noting = (name: string): NonNullable<OAuthSettings['httpClient']> => ({
      makeRequest: (request) => {
        asked.push(`${name} ${new URL(request.url).pathname}`);
        return fetch(request.url, request);
      },
    });
    await send(client({}, { httpClient: noting('both') }));
    await send(client({ httpClient: noting('auth') }, { httpClient: noting('events') }));
    expect(asked).toEqual(['both /token', 'both /v1/batch', 'auth /token', 'events /v1/batch']);
  });

  it.each<[Partial<OAuthSettings>, string]>([
    [{ clientId: '' }, 'oauthSettings.clientId'],
    [{ keyId: 1 as unknown as string }, 'oauthSettings.keyId'],
    [{ clientKey: 'secret' }, 'oauthSettings.clientKey'],
    [{ authServer: 'nowhere' }, 'oauthSettings.authServer'],
    [{ maxRetries: -1 }, 'oauthSettings.maxRetries'],
  ])('are checked: %o', (settings, name) => {
    expect(() => client(settings)).toThrow(`The option "${name}" must be`);
    expect(() => client(settings)).not.toThrow('secret');
  });
});
