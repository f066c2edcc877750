import type { Emitter } from '../emitter.ts';
import type { ClientEvents } from '../events.ts';
import { TextDecoder } from '../platform.ts';
import type { OutgoingRequest, Reply, Transport } from './transport.ts';

/** Tells listeners of each attempt and its answer, as @segment/analytics-node does. */
export function observed(transport: Transport, emitter: Emitter<ClientEvents>): Transport {
  const tell = ({ url, body }: OutgoingRequest, reply: Reply): void => {
    if (reply.kind !== 'answered') return;
    const { status, statusText, retryAfter } = reply;
    const headers: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
    emitter.emit('http_response', { status, statusText, url, body: textOf(body), headers });
  };
  return {
    async post(request) {
      if (emitter.has('http_request')) {
        const { url, headers, body } = request;
        emitter.emit('http_request', { url, method: 'POST', headers, body: textOf(body) });
      }
      const reply = await transport.post(request);
      if (emitter.has('http_response')) tell(request, reply);
      return reply;
    },
    close: () => transport.close(),
  };
}

function textOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body);
}
