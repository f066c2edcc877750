import { EVENT_TYPES, type RefusalCode } from '@millrace/spec';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authenticate } from './authenticate.ts';
import { browserSettings, placeOf } from './browser-settings.ts';
import { GIF, eventOfQuery } from './pixel.ts';
import type { ArrivedRequest, Reception } from './receive.ts';
import type { SourceRegistry } from './sources.ts';

export interface BrowserRoutesOptions {
  sources: SourceRegistry;
  publicUrl: string | undefined;
  receive: (arrived: ArrivedRequest) => Promise<Reception>;
  refuse: (request: FastifyRequest, reply: FastifyReply, code: RefusalCode) => string;
}

/** What only browsers ask for: the SDK's settings, its metrics of itself, and the pixel of e-mails. */
export function registerBrowserRoutes(app: FastifyInstance, options: BrowserRoutesOptions): void {
  const { sources, publicUrl, receive, refuse } = options;

  app.get<{ Params: { writeKey: string } }>('/v1/projects/:writeKey/settings', async (request, reply) => {
    const { writeKey } = request.params;
    const authentication = await authenticate(sources, writeKey);
    if ('code' in authentication) return refuse(request, reply, authentication.code);
    const place = placeOf(publicUrl ?? `${request.protocol}://${request.host}`);
    // A source that is renamed or removed must not live on in caches.
    reply.header('cache-control', 'no-cache');
    return browserSettings(writeKey, place);
  });

  // The SDK's metrics of itself, which it is told not to send: taken, so that an older one does not try again.
  for (const url of ['/v1/m', '/m']) app.post(url, async () => ({ success: true }));

  for (const type of EVENT_TYPES) {
    app.get(`/v1/pixel/${type}`, async (request, reply) => {
      const query = new URLSearchParams(request.url.split('?', 2)[1]);
      const event = eventOfQuery(query);
      // Refusals are reported there; who sees an e-mail could do nothing about them.
      await receive({
        route: type,
        headers: { 'content-type': 'application/json', 'user-agent': request.headers['user-agent'] },
        body: Buffer.from(event === undefined ? '' : JSON.stringify(event)),
        browserIp: request.ip,
      });
      return reply.type('image/gif').header('cache-control', 'no-store').send(GIF);
    });
  }
}
