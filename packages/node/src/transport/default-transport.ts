import type { Liveness } from '../liveness.ts';
import { NodeTransport } from './node-transport.ts';
import { proxiesOf } from './proxies.ts';
import type { Transport } from './transport.ts';

/** What sends where the program brings nothing. Proxies are read from the environment once, here. */
export function defaultTransport(liveness: Liveness): Transport {
  return new NodeTransport(liveness, proxiesOf(process.env));
}
