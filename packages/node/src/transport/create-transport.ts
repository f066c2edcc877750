import type { Clock } from '../clock.ts';
import type { Liveness } from '../liveness.ts';
import { NodeTransport } from './node-transport.ts';
import { proxiesOf } from './proxies.ts';
import { withRedirects } from './redirects.ts';
import type { Transport } from './transport.ts';

/** What a client sends through. Proxies are read from the environment once, here. */
export function createTransport(liveness: Liveness, clock: Pick<Clock, 'monotonicMs'>): Transport {
  return withRedirects(new NodeTransport(liveness, proxiesOf(process.env)), clock.monotonicMs);
}
