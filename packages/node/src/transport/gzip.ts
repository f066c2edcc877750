import type { Transport } from './transport.ts';

/** Below it the header and the turn through another thread cost more than the bytes saved. */
const GZIP_MIN_CHARS = 1_024;

export type Gzip = (text: string) => Promise<Uint8Array>;

/** Compresses bodies, each attempt anew since each has a `sentAt` of its own. The limits hold before that. */
export function withGzip(transport: Transport, gzip: Gzip): Transport {
  return {
    post: async (request) => {
      const { body, headers } = request;
      if (typeof body !== 'string' || body.length < GZIP_MIN_CHARS) return transport.post(request);
      return transport.post({
        ...request,
        body: await gzip(body),
        headers: { ...headers, 'content-encoding': 'gzip' },
      });
    },
    close: () => transport.close(),
  };
}
