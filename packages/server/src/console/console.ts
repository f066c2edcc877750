import fastifyStatic from '@fastify/static';
import { CONSOLE_CODES, REFUSAL_CODES, type ConsoleCode } from '@millrace/spec';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { EventLog, LogReader } from '../log/log.ts';
import { guardFault, type GuardOptions } from './guard.ts';
import { API_HEADERS, SECURITY_HEADERS, cacheControlOf } from './headers.ts';
import { registerHealth, type Readiness } from '../health.ts';
import type { Metrics } from './metrics.ts';
import { registerDead, type DeadOptions } from './dead-routes.ts';
import { registerApi } from './routes.ts';
import type { RefusedReader } from '../refused/refused-store.ts';
import { registerRefused } from './refused-route.ts';
import { registerSearch } from './search-route.ts';
import { registerTrace } from './trace-route.ts';
import { readStatus, type StatusOptions } from './status.ts';
import type { EventSearch } from '../search/search.ts';
import type { TraceReader } from '../trace/trace.ts';
import type { ErrorReply } from './wire.ts';

export interface ConsoleOptions extends Omit<StatusOptions, 'startedAtMs' | 'durableEnds' | 'onLedgerError'> {
  log: Pick<EventLog, 'durableEnds' | 'starts' | 'onDurable'>;
  /** The console's own; it is not closed here. */
  reader: LogReader;
  search: EventSearch;
  trace: TraceReader['trace'];
  /** What the ring in `refused` no longer has. */
  refusedStore: Pick<RefusedReader, 'find'>;
  ledger: StatusOptions['ledger'] & DeadOptions['ledger'];
  changeDead: DeadOptions['changeDead'];
  /** Names that the console answers to beside loopback names and the address it is reached at. */
  hosts: readonly string[];
  /** When given, every request must carry it as Bearer, pages included. */
  token?: string | undefined;
  /** The built page. */
  staticDir: string;
  readiness: () => Readiness;
  metrics: Metrics;
  clock: Clock;
  logger: Pick<Logger, 'warn' | 'error'>;
}

/** The console's page and its HTTP API, not listening yet. Closing it ends the streams under way. */
export function createConsole(options: ConsoleOptions): FastifyInstance {
  const { log, reader, refused, clock, logger } = options;
  const guard = { hosts: options.hosts, token: options.token };
  const app = fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    // Else a stop would wait for whoever reads a page slowly.
    forceCloseConnections: true,
    // An address that cannot be decoded meets no hook.
    frameworkErrors: (_, request, reply) => {
      if (!refuseUnlessAllowed(request, reply, guard)) sendError(reply, 400, MALFORMED);
    },
  });

  // On every request, found or not, before anything is read of it.
  app.addHook('onRequest', async (request, reply) => {
    // Probes carry no token, and learn nothing but whether all is well.
    const isProbe = ['/healthz', '/readyz'].includes(request.routeOptions.url ?? '');
    return refuseUnlessAllowed(request, reply, isProbe ? { ...guard, token: undefined } : guard);
  });

  app.setNotFoundHandler((_, reply) =>
    sendError(reply, 404, { code: 'not_found', message: 'there is no such page or route' }),
  );
  app.setErrorHandler((error: { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) {
      return sendError(reply, status, MALFORMED);
    }
    logger.error({ err: error, route: routeOf(request) }, 'the console failed to answer');
    return sendError(reply, 500, { code: 'console_failed', message: CONSOLE_CODES.console_failed });
  });

  const startedAtMs = clock.nowMs();
  const status = () =>
    readStatus({
      ...options,
      startedAtMs,
      durableEnds: () => log.durableEnds,
      onLedgerError: (error) => logger.warn({ err: error }, 'the console cannot read the ledger'),
    });
  registerApi(app, { log, reader, refused, clock, logger, status });
  registerSearch(app, options.search);
  registerTrace(app, { trace: options.trace });
  registerRefused(app, options.refusedStore);
  registerHealth(app, { readiness: options.readiness, needs: ['log', 'router', 'ledger'] });
  const { metrics } = options;
  app.get('/metrics', async (_, reply) => {
    reply.headers(API_HEADERS).type(metrics.contentType);
    return metrics.scrape(status());
  });
  registerDead(app, options);

  app.register(fastifyStatic, {
    root: options.staticDir,
    cacheControl: false,
    setHeaders: (response, path) => {
      void response.setHeader('cache-control', cacheControlOf(path));
    },
  });
  return app;
}

const MALFORMED: ErrorReply = { code: 'invalid_request', message: REFUSAL_CODES.invalid_request };

function refuseUnlessAllowed(
  { headers, socket }: FastifyRequest,
  reply: FastifyReply,
  guard: GuardOptions,
): FastifyReply | undefined {
  reply.headers(SECURITY_HEADERS);
  const { host, origin, authorization } = headers;
  const { localAddress, localPort } = socket;
  const code = guardFault({ host, origin, authorization, localAddress, localPort }, guard);
  return code && refuse(reply, code);
}

function refuse(reply: FastifyReply, code: ConsoleCode): FastifyReply {
  if (code === 'unauthorized_console') reply.header('www-authenticate', 'Bearer');
  const status = code === 'unauthorized_console' ? 401 : 403;
  return sendError(reply, status, { code, message: CONSOLE_CODES[code] });
}

function sendError(reply: FastifyReply, status: number, body: ErrorReply): FastifyReply {
  return reply.code(status).headers(API_HEADERS).send(body);
}

function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? '?'}`;
}
