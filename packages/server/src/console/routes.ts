import { Readable } from 'node:stream';
import { CONSOLE_CODES } from '@millrace/spec';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { EventLog, LogReader } from '../log/log.ts';
import { decodeCursor } from './cursor.ts';
import { API_HEADERS } from './headers.ts';
import { liveStream } from './live-stream.ts';
import { readNewest } from './log-window.ts';
import type { RefusedRing } from './refused-ring.ts';
import type { ErrorReply, EventsReply, FeedEvent, Status } from './wire.ts';

export interface ApiOptions {
  log: Pick<EventLog, 'durableEnds' | 'starts' | 'onDurable'>;
  reader: LogReader;
  refused: RefusedRing;
  status: () => Status;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
}

/** Each watcher reads the log for itself, in the process that also collects. */
const MAX_STREAM_COUNT = 32;
const EVENTS_DEFAULT_COUNT = 200;
const EVENTS_MAX_COUNT = 1_000;
/** For one read of the log; an answer takes as many reads as it needs. */
const EVENTS_READ_MAX_BYTES = 1024 * 1024;
/** Of frames waiting in this process for a slow watcher, beside the socket's own buffer. */
const STREAM_BUFFER_BYTES = 64 * 1024;

export function registerApi(app: FastifyInstance, options: ApiOptions): void {
  const { log, reader, refused, clock, logger } = options;
  const streams = new Set<AbortController>();

  app.get('/api/status', async (_, reply): Promise<Status> => {
    reply.headers(API_HEADERS);
    return options.status();
  });

  app.get<{ Querystring: { limit?: string | string[] } }>('/api/events', async (request, reply) => {
    reply.headers(API_HEADERS);
    const limit = Number(request.query.limit ?? EVENTS_DEFAULT_COUNT);
    if (!Number.isInteger(limit) || limit < 1 || limit > EVENTS_MAX_COUNT) {
      const message = `limit must be an integer from 1 to ${EVENTS_MAX_COUNT}`;
      return reply.code(400).send({ code: 'invalid_request', message } satisfies ErrorReply);
    }
    const received = await readNewest(reader, log, {
      maxCount: limit,
      maxBytes: EVENTS_READ_MAX_BYTES,
    });
    const refusals = refused.after(Math.max(0, refused.lastSeq - limit), limit).events;
    const events: FeedEvent[] = [...received, ...refusals]
      .toSorted((a, b) => b.receivedAtMs - a.receivedAtMs)
      .slice(0, limit);
    return { events } satisfies EventsReply;
  });

  app.get<{ Querystring: { after?: string | string[] } }>('/api/stream', async (request, reply) => {
    reply.headers(API_HEADERS);
    if (streams.size >= MAX_STREAM_COUNT) {
      const message = CONSOLE_CODES.too_many_streams;
      return reply.code(503).header('retry-after', '5').send({ code: 'too_many_streams', message });
    }
    // A browser that reconnects by itself sends the header; the page, which may come back to it
    // after longer, can only put it into the address.
    const { after } = request.query;
    const place = request.headers['last-event-id'] ?? after;
    const watcher = new AbortController();
    streams.add(watcher);
    reply.raw.on('close', () => {
      streams.delete(watcher);
      watcher.abort();
    });
    const frames = liveStream({
      log,
      reader,
      refused,
      clock,
      status: options.status,
      onReadError: (error) => logger.warn({ err: error }, 'the console skipped events that it cannot read'),
      resumeFrom: decodeCursor(typeof place === 'string' ? place : undefined),
      signal: watcher.signal,
    });
    return reply
      .type('text/event-stream')
      .header('x-accel-buffering', 'no')
      .send(Readable.from(frames, { objectMode: false, highWaterMark: STREAM_BUFFER_BYTES }));
  });

  app.addHook('preClose', async () => {
    for (const watcher of streams) watcher.abort();
  });
}
