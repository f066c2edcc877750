import { randomUUID, signRs256, toBase64 } from '../../platform.ts';
import type { ResolvedOAuthSettings } from './oauth-settings.ts';

/** Seconds that the server's clock may be behind ours. */
const ISSUED_BEFORE_S = 5;
/** The server of Segment takes none that is good for longer than a minute. */
const LIFETIME_S = 60;

/** The body of a request for a token: a JWT that our key signs says who we are (RFC 7523, 2.2). */
export async function tokenRequestBody(settings: ResolvedOAuthSettings, nowMs: number): Promise<string> {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await signedAssertion(settings, nowMs),
    scope: settings.scope,
  }).toString();
}

async function signedAssertion(
  { clientId, clientKey, keyId, authServer }: ResolvedOAuthSettings,
  nowMs: number,
): Promise<string> {
  const iat = Math.round(nowMs / 1_000) - ISSUED_BEFORE_S;
  const header = { alg: 'RS256', typ: 'JWT', kid: keyId };
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: authServer,
    iat,
    exp: iat + LIFETIME_S,
    jti: randomUUID(),
  };
  const unsigned = `${encoded(header)}.${encoded(claims)}`;
  return `${unsigned}.${await signRs256(unsigned, clientKey)}`;
}

function encoded(part: object): string {
  return toBase64(JSON.stringify(part)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
