import type { Clock } from '../clock.ts';
import type { Liveness } from '../liveness.ts';
import { ClientTransport } from './client-transport.ts';
import { defaultTransport } from './default-transport.ts';
import { withGzip } from './gzip.ts';
import { sendBy, type Send } from './http-client.ts';
import { AccessTokens } from './oauth/access-tokens.ts';
import { withOAuth } from './oauth/with-oauth.ts';
import { withRedirects } from './redirects.ts';
import type { ResolvedTransportOptions } from './transport-options.ts';
import type { Transport } from './transport.ts';

export interface TransportPorts {
  liveness: Liveness;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  random: () => number;
  /** Asked at each request. */
  writeKey: () => string;
}

/** What a client sends through: what nobody asked for is not in between. */
export function createTransport(options: ResolvedTransportOptions, ports: TransportPorts): Transport {
  const { liveness, clock, random, writeKey } = ports;
  const over = (send: Send | undefined): Transport =>
    withRedirects(send ? new ClientTransport(send, liveness) : defaultTransport(liveness), clock.monotonicMs);
  const base = over(options.send);
  const encoded = options.gzip ? withGzip(base, options.gzip) : base;
  const { oauth } = options;
  if (!oauth) return encoded;
  const tokens = new AccessTokens({
    settings: oauth,
    transport: oauth.httpClient ? over(sendBy(oauth.httpClient)) : base,
    ...clock,
    random,
    sleep: (delayMs) =>
      new Promise((resolve) => {
        liveness.after(delayMs, resolve);
      }),
  });
  return withOAuth(encoded, tokens, writeKey);
}
