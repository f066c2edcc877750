import type { Liveness } from '../liveness.ts';
import { ClientTransport } from './client-transport.ts';
import { sendBy } from './http-client.ts';
import type { Transport } from './transport.ts';

/** `fetch`, looked up at each request: a test may replace it, and Cloudflare wants it called as a global. */
export function defaultTransport(liveness: Liveness): Transport {
  return new ClientTransport(
    sendBy((url, init) => fetch(url, init)),
    liveness,
  );
}
