import { optionError } from '../../errors.ts';
import type { HttpClient } from '../http-client.ts';

/** OAuth 2.0 with a key pair, as @segment/analytics-node has it. */
export interface OAuthSettings {
  /** The id of the OAuth app. */
  clientId: string;
  /** Its private RSA key, as PEM (PKCS #8). Read at the first request. */
  clientKey: string;
  /** The id of the public key that belongs to it. */
  keyId: string;
  /** Where tokens are had from: `<authServer>/token`. Default `https://oauth2.segment.io`. */
  authServer?: string | undefined;
  /** Default `tracking_api:write`. */
  scope?: string | undefined;
  /** Tries again within one attempt to send, at least 0. Default: `maxRetries` of the client, else 3. */
  maxRetries?: number | undefined;
  /** Sends the requests for tokens. Default: what sends the events. */
  httpClient?: HttpClient | undefined;
}

export type ResolvedOAuthSettings = OAuthSettings & { authServer: string; scope: string; maxRetries: number };

/** @throws Error naming the setting. */
export function resolveOAuthSettings(
  settings: OAuthSettings,
  retryCount: number | undefined,
): ResolvedOAuthSettings {
  if (typeof settings !== 'object') throw optionError('oauthSettings', 'an object', settings);
  const { clientId, clientKey, keyId, authServer, scope, maxRetries, httpClient } = settings;
  for (const [name, value] of Object.entries({ clientId, keyId })) {
    if (typeof value !== 'string' || value === '')
      throw optionError(`oauthSettings.${name}`, 'a string', value);
  }
  // Not the value, which is a secret.
  if (typeof clientKey !== 'string' || !clientKey.includes('PRIVATE KEY')) {
    throw optionError('oauthSettings.clientKey', 'a private key in PEM', typeof clientKey);
  }
  if (authServer !== undefined && !URL.canParse(authServer)) {
    throw optionError('oauthSettings.authServer', 'an address', authServer);
  }
  if (maxRetries !== undefined && !(Number.isSafeInteger(maxRetries) && maxRetries >= 0)) {
    throw optionError('oauthSettings.maxRetries', 'a whole number of at least 0', maxRetries);
  }
  const fallback = retryCount === undefined || retryCount === Infinity ? 3 : retryCount;
  return {
    clientId,
    clientKey,
    keyId,
    authServer: authServer?.replace(/\/+$/, '') ?? 'https://oauth2.segment.io',
    scope: scope ?? 'tracking_api:write',
    maxRetries: maxRetries ?? fallback,
    httpClient,
  };
}
