import type { OutgoingRequest, Reply, Transport } from './transport.ts';

/** As many as axios followed for analytics-node. */
const MAX_REDIRECTS = 5;

/**
 * Follows 307 and 308, which send a POST on as it is. Not 301, 302 and 303: what clients make of them
 * is a GET without the events, and the 200 of such a page, perhaps one to log in, says nothing of
 * them. Those fail the batch with their status; what cures them is the right `host`.
 */
export function withRedirects(transport: Transport, monotonicMs: () => number): Transport {
  return {
    post: async (request) => {
      const deadlineMs = monotonicMs() + request.timeoutMs;
      let reply = await transport.post(request);
      let current = request;
      for (let count = 0; count < MAX_REDIRECTS; count += 1) {
        const next = redirected(current, reply);
        if (!next) break;
        current = next;
        reply = await transport.post({ ...next, timeoutMs: Math.max(1, deadlineMs - monotonicMs()) });
      }
      return reply;
    },
    close: () => transport.close(),
  };
}

/** The request to make in answer to the reply, if any. */
export function redirected(request: OutgoingRequest, reply: Reply): OutgoingRequest | undefined {
  if (reply.kind !== 'answered' || (reply.status !== 307 && reply.status !== 308)) return undefined;
  if (!reply.location || !URL.canParse(reply.location, request.url)) return undefined;
  const from = new URL(request.url);
  const to = new URL(reply.location, request.url);
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) return undefined; // What was encrypted stays so.
  // As axios has it: the write key goes to the same host, which may have become https, and to no other.
  if (to.host === from.host) return { ...request, url: to.href };
  const { authorization: _, ...headers } = request.headers;
  return { ...request, url: to.href, headers };
}
