import { LIBRARY_CODES } from '@millrace/spec';
import { analyticsError, usageError } from '../../errors.ts';
import { backoffMs, isRetryableStatus, isSuccess } from '../../retry-policy.ts';
import type { Answered, Reply, Transport } from '../transport.ts';
import { tokenRequestBody } from './client-assertion.ts';
import type { ResolvedOAuthSettings } from './oauth-settings.ts';

/** What one request for a token may take, as in @segment/analytics-node. */
const TOKEN_TIMEOUT_MS = 10_000;
/** A token is renewed before its last minute, or its last half where it lives for less than two. */
const RENEW_BEFORE_MS = 60_000;
/** Between tries to renew a token that is still good. */
const RENEW_AGAIN_MS = 10_000;
/** Beyond that our clock and the server's differ so much that it may have refused us for it. */
const SKEW_MS = 5_000;

export interface AccessToken {
  readonly text: string;
  /** By the monotonic clock. */
  readonly renewMs: number;
  readonly expiresMs: number;
}

/** No token, told as a reply: the retry policy decides by it as it does by one of the server. */
export interface NoToken {
  failure: Reply;
}

export interface AccessTokenPorts {
  settings: ResolvedOAuthSettings;
  transport: Transport;
  nowMs: () => number;
  monotonicMs: () => number;
  random: () => number;
  sleep: (delayMs: number) => Promise<void>;
}

/** The token of a client. It is asked for when one is needed; no timer renews it behind the program's back. */
export class AccessTokens {
  #ports: AccessTokenPorts;
  #token: AccessToken | undefined;
  #pending: Promise<AccessToken | NoToken> | undefined;
  /** How far the clock of the authorization server is ahead of ours. */
  #skewMs = 0;

  constructor(ports: AccessTokenPorts) {
    this.#ports = ports;
  }

  /** One request at a time: whoever asks meanwhile waits for the same. */
  get(): Promise<AccessToken | NoToken> {
    const token = this.#token;
    if (token && this.#ports.monotonicMs() < token.renewMs) return Promise.resolve(token);
    this.#pending ??= this.#renewed().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** The server did not take it. */
  forget({ text }: AccessToken): void {
    if (this.#token?.text === text) this.#token = undefined;
  }

  async #renewed(): Promise<AccessToken | NoToken> {
    const { settings, monotonicMs, random, sleep } = this.#ports;
    for (let number = 1; ; number += 1) {
      const skewMs = this.#skewMs;
      const result = await this.#request();
      if (!('failure' in result)) return (this.#token = result);
      const old = this.#token;
      if (old && monotonicMs() < old.expiresMs) {
        return (this.#token = { ...old, renewMs: monotonicMs() + RENEW_AGAIN_MS });
      }
      const mayBeSkew = number === 1 && Math.abs(this.#skewMs - skewMs) > SKEW_MS;
      if (!mayBeSkew && (number > settings.maxRetries || !isWorthAnother(result.failure))) return result;
      await sleep(backoffMs(number, random));
    }
  }

  async #request(): Promise<AccessToken | NoToken> {
    const { settings, transport, nowMs, monotonicMs } = this.#ports;
    let body: string;
    try {
      body = await tokenRequestBody(settings, nowMs() + this.#skewMs);
    } catch (cause) {
      const error = usageError('The option "oauthSettings.clientKey" is no RSA key that can sign.', cause);
      return { failure: { kind: 'unsendable', error } };
    }
    const askedMs = monotonicMs();
    const reply = await transport.post({
      url: `${settings.authServer}/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
      timeoutMs: TOKEN_TIMEOUT_MS,
    });
    if (reply.kind !== 'answered') return { failure: reply };
    const dateMs = Date.parse(reply.date ?? '');
    if (!Number.isNaN(dateMs)) this.#skewMs = dateMs - nowMs();
    if (!isSuccess(reply.status)) return { failure: refused(reply) };
    return tokenIn(reply.text, askedMs) ?? { failure: unusable() };
  }
}

/** What the server wants to be waited for is left to the retry policy. */
function isWorthAnother(failure: Reply): boolean {
  if (failure.kind !== 'answered') return failure.kind === 'unanswered';
  return isRetryableStatus(failure.status) && failure.retryAfter === undefined;
}

function refused(reply: Answered): Reply {
  const statusText = `the authorization server answered ${reply.status} ${reply.statusText}`;
  return { ...reply, statusText, isOfAuthorization: true };
}

function unusable(): Reply {
  return { kind: 'unanswered', error: analyticsError('OAUTH_NO_TOKEN', LIBRARY_CODES.OAUTH_NO_TOKEN) };
}

function tokenIn(text: string | undefined, askedMs: number): AccessToken | undefined {
  const { access_token: token, expires_in: seconds } = parsed(text);
  // Of a length that a header may have, and of what it may hold.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) return undefined;
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
  const lifeMs = seconds * 1_000;
  const renewMs = askedMs + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 2);
  return { text: token, renewMs, expiresMs: askedMs + lifeMs };
}

function parsed(text: string | undefined): { access_token?: unknown; expires_in?: unknown } {
  try {
    return Object(JSON.parse(text ?? '')) as object;
  } catch {
    return {};
  }
}
