import { randomUUID } from 'node:crypto';
import fastifyCors from '@fastify/cors';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { RefusalCode } from '@millrace/spec';
import type { Clock } from '../clock.ts';
import { registerHealth, type Readiness } from '../health.ts';
import type { EventLog } from '../log/log.ts';
import { registerBrowserRoutes } from './browser.ts';
import { answerClientError } from './client-error.ts';
import { safeDetails, type SafeDetails } from './failure.ts';
import { DEFAULT_LIMITS, type CollectorLimits } from './limits.ts';
import { createReceiver } from './receive.ts';
import { refusedRequest, type Refusal } from './refusal.ts';
import { ANSWERS, JSON_TYPE, codeOfError, refusalBody, successBody } from './replies.ts';
import { PATHS, type Route } from './routes.ts';
import type { SourceRegistry } from './sources.ts';

export interface CollectorOptions {
  log: Pick<EventLog, 'append'>;
  sources: SourceRegistry;
  clock: Clock;
  /** Told of each refused event, each refused request and each duplicate, before the answer goes out. */
  onRefused?: (refusal: Refusal) => void;
  /** Where browsers find this collector; default as each request found it. */
  publicUrl?: string | undefined;
  /** Whose forwarding headers are believed, as fastify takes it. Default nobody's. */
  trustProxy?: boolean | string | string[] | undefined;
  /** Each limit that is left out keeps its default. */
  limits?: Partial<CollectorLimits>;
  /** Told of our own failures only, without keys and without what was sent. A pino logger is one. */
  logger?: CollectorLogger;
  /** What `GET /readyz` shows; default that all is ready. */
  readiness?: () => Readiness;
  /** For events that come without one. Default `mill-` and a random UUID. */
  newMessageId?: () => string;
}

export interface CollectorLogger {
  error(details: SafeDetails, message: string): void;
}

/**
 * A body is read to its end before it is refused as too large, up to this many times the limit: the
 * sender of half a request sees a broken connection, not the answer, and sends the same again.
 */
const BODY_READ_FACTOR = 8;

/** Senders that stall are let go; SDKs retry both a 408 and a broken connection. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 60_000;
const IDLE_SOCKET_TIMEOUT_MS = 120_000;

/** Browsers keep it for two hours at most. */
const PREFLIGHT_MAX_AGE_S = 7_200;

const ALL_READY: Readiness = { log: 'ready', router: 'ready', ledger: 'ready' };

/** From the start of a close; then connections are cut, else one that never sent anything would hold it up. */
const CLOSE_GRACE_MS = 5_000;

/**
 * The Tracking API: HTTP in, events durable in the log, then 200. Not listening yet. Its `close`
 * finishes the requests in flight and answers later ones on open connections 503; close the log after it.
 */
export function createCollector(options: CollectorOptions): FastifyInstance {
  const { log, sources, clock, logger, newMessageId = () => `mill-${randomUUID()}` } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const report = reporter(options);
  const receive = createReceiver({ log, sources, clock, limits, newMessageId, report });
  const latecomers = new WeakSet<FastifyRequest>();
  let closing = false;

  // No logger of fastify's: its lines hold addresses and URLs, and a child logger a request costs time.
  const app = fastify({
    logger: false,
    trustProxy: options.trustProxy ?? false,
    bodyLimit: BODY_READ_FACTOR * limits.batchMaxBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_SOCKET_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => {
      const code = answerClientError(error, socket);
      if (code)
        report(refusedRequest(code, { receivedAtMs: clock.nowMs(), sizeBytes: 0, userAgent: undefined }));
    },
    frameworkErrors: (error, request, reply) => {
      void (reply as FastifyReply).send(refuse(request, reply, codeOfError(error)));
    },
  });

  // Replies are prepared here and returned as text: returning the reply itself makes fastify watch its stream.
  function prepare(reply: FastifyReply, status: number, body: string): string {
    // Else a sender's idle connection would hold up the close.
    if (closing) reply.header('connection', 'close');
    reply.code(status).type(JSON_TYPE);
    return body;
  }

  function prepareRefusal(reply: FastifyReply, code: RefusalCode): string {
    const { status, retryAfterSeconds } = ANSWERS[code];
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
    return prepare(reply, status, refusalBody(code));
  }

  /** Refuses what never came as far as the receiver, which reports for itself. */
  function refuse(request: FastifyRequest, reply: FastifyReply, code: RefusalCode): string {
    const sizeBytes = Number(request.headers['content-length'] ?? 0);
    const userAgent = request.headers['user-agent'];
    report(refusedRequest(code, { receivedAtMs: clock.nowMs(), sizeBytes, userAgent }));
    return prepareRefusal(reply, code);
  }

  async function handle(
    request: FastifyRequest,
    reply: FastifyReply,
    route: Route,
    isBrowser: boolean,
  ): Promise<string> {
    if (latecomers.has(request)) return refuse(request, reply, 'shutting_down');
    const body = Buffer.isBuffer(request.body) ? request.body : undefined;
    const browserIp = isBrowser ? { browserIp: request.ip } : {};
    const reception = await receive({ route, headers: request.headers, body, ...browserIp });
    if ('code' in reception) return prepareRefusal(reply, reception.code);
    const asked = request.headers['x-millrace-verdicts'] === '1';
    const verdicts = reception.refused.map(({ index, code }) => ({ index, code }));
    return prepare(reply, 200, successBody(asked ? verdicts : undefined));
  }

  // Any origin, since write keys of browsers are public; without cookies there is nothing to be stolen by it.
  void app.register(fastifyCors, {
    origin: '*',
    methods: ['GET', 'POST'],
    exposedHeaders: ['Retry-After', 'X-RateLimit-Reset'],
    maxAge: PREFLIGHT_MAX_AGE_S,
  });
  // The body stays as it came: what may be in it, and how it is read, is decoded in one place.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('preClose', (done) => {
    closing = true;
    if (app.server.listening) {
      const closed = new AbortController();
      app.server.once('close', () => closed.abort());
      void clock.sleep(CLOSE_GRACE_MS, closed.signal).then(() => app.server.closeAllConnections());
    }
    done();
  });
  // Marked here and refused once their body is read: see BODY_READ_FACTOR.
  app.addHook('onRequest', (request, _reply, done) => {
    if (closing) latecomers.add(request);
    done();
  });
  const { readiness = () => ALL_READY } = options;
  registerHealth(app, { readiness, needs: ['log'], isClosing: () => closing });
  for (const [path, { route, isBrowser }] of Object.entries(PATHS)) {
    for (const url of [`/v1/${path}`, `/${path}`]) {
      app.post(url, (request, reply) => handle(request, reply, route, isBrowser));
    }
  }
  registerBrowserRoutes(app, {
    sources,
    publicUrl: options.publicUrl,
    receive: (arrived) => receive(arrived),
    refuse,
  });
  app.setNotFoundHandler((request, reply) => refuse(request, reply, 'not_found'));
  app.setErrorHandler((error, request, reply) => {
    const code = request.is404 ? 'not_found' : codeOfError(error);
    if (ANSWERS[code].status >= 500) logger?.error(safeDetails(error), `a request was answered ${code}`);
    return refuse(request, reply, code);
  });
  return app;
}

/** Whoever listens cannot undo what is durable: an error of theirs is logged and the answer stands. */
function reporter({ onRefused, logger }: CollectorOptions): (refusal: Refusal) => void {
  return (refusal) => {
    try {
      onRefused?.(refusal);
    } catch (error) {
      logger?.error(safeDetails(error), 'a refusal could not be passed on');
    }
  };
}
