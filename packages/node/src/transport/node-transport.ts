import { analyticsError, asAnalyticsError, type AnalyticsError } from '../errors.ts';
import type { Liveness } from '../liveness.ts';
import { Connections } from './connections.ts';
import { exchange, STALE, type Cancel, type OutcomeListener } from './exchange.ts';
import type { ProxyFor } from './proxies.ts';
import type { OutgoingRequest, Reply, Transport } from './transport.ts';
import { ASK_FOR_VERDICTS } from './verdicts.ts';

/** Keep-alive connections over node:http and node:https, which hold the process only when told to. */
export class NodeTransport implements Transport {
  #liveness: Liveness;
  #connections: Connections;

  constructor(liveness: Liveness, proxyFor?: ProxyFor) {
    this.#liveness = liveness;
    this.#connections = new Connections(liveness, proxyFor);
  }

  post(request: OutgoingRequest): Promise<Reply> {
    return new Promise((resolve) => {
      try {
        this.#start(request, resolve);
      } catch (error) {
        resolve({ kind: 'unsendable', error: unsendableError(request.url, error) });
      }
    });
  }

  close(): void {
    this.#connections.close();
  }

  #start({ url, headers, body, timeoutMs }: OutgoingRequest, resolve: (reply: Reply) => void): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const allHeaders = {
      'content-type': 'application/json',
      ...headers,
      ...ASK_FOR_VERDICTS,
      'content-length': bytes.length,
    };
    const send = (done: OutcomeListener): Cancel =>
      exchange(this.#connections.open(url, allHeaders), bytes, this.#liveness, done);
    const settle = (reply: Reply): void => {
      stopTimer();
      resolve(reply);
    };
    let cancel = send((outcome) => {
      if (outcome !== STALE) return settle(outcome);
      // At once, and not as another attempt: the server gave notice while we wrote. Where it closed one
      // idle connection it closed others too, so on a fresh one, of which no outcome is STALE.
      this.#connections.dropIdle();
      cancel = send((again) => again !== STALE && settle(again));
    });
    const stopTimer = this.#liveness.after(timeoutMs, () => {
      // Words and code of axios.
      cancel(analyticsError('ECONNABORTED', `timeout of ${timeoutMs}ms exceeded`));
    });
  }
}

/** What is wrong with an address that cannot be posted to, by the options that it is made of. */
function unsendableError(url: string, cause: unknown): AnalyticsError {
  const error = asAnalyticsError(cause);
  if (error.code !== 'ERR_INVALID_URL' && error.code !== 'ERR_INVALID_PROTOCOL') return error;
  const message = `The options "host" and "path" must make an http or https URL; found ${JSON.stringify(url)}.`;
  return Object.assign(new Error(message, { cause }), { code: error.code });
}
