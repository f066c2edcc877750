import { BATCH_MAX_BYTES, EVENT_TYPES, type FailureCode } from '@millrace/spec';
import { Agent, request, type Dispatcher } from 'undici';
import { systemClock, type Clock } from '../../clock.ts';
import type { BatchLimits, DeliveryEvent, Destination, Outcome } from '../destination.ts';
import { exchangeOf } from '../exchange.ts';
import { httpOutcome } from '../http-outcome.ts';
import { compressed } from './content-encoding.ts';
import { WEBHOOK_NAME, type WebhookSettings } from './settings.ts';
import { signer } from './signature.ts';
import { readTls } from './tls-settings.ts';

const MAX_CONCURRENCY = 8;
/** Beyond the time-out of a request, for all that is not the request. */
const SPARE_MS = 30_000;
/** Answers are read so that the connection can be used again; what those to a failure say is shown to people. */
const ANSWER_MAX_BYTES = 64 * 1024;
const SHOWN_HEADERS = ['content-type', 'content-encoding', 'user-agent', 'webhook-id', 'webhook-timestamp'];

export interface WebhookEffects {
  clock?: Clock;
  /** What makes the connections. Default one pool for this destination, with keep-alive. */
  dispatcher?: Dispatcher;
}

/** Posts each event as a JSON object, or several as an array, byte for byte as they stand in the log. */
export function createWebhook(settings: WebhookSettings, effects: WebhookEffects = {}): Destination {
  const { clock = systemClock, dispatcher = connectionPool(settings) } = effects;
  const configured = lowerCaseKeys(settings.headers ?? {});
  const headers = { 'content-type': 'application/json', 'user-agent': 'millrace', ...configured };
  const shownHeaders = SHOWN_HEADERS.filter((name) => !(name in configured));
  const sign = settings.secret === undefined ? undefined : signer([settings.secret].flat());
  return {
    name: WEBHOOK_NAME,
    // What Segment calls its own.
    aliases: ['Webhooks'],
    accepts: EVENT_TYPES,
    storage: false,
    batch: batchLimits(settings),
    maxConcurrency: MAX_CONCURRENCY,
    deliverTimeoutMs: settings.timeoutMs + SPARE_MS,
    async deliver(events, { signal }) {
      const sent = settings.batch ? events : events.slice(0, 1);
      const json = settings.batch ? jsonArray(sent) : Buffer.concat(sent.map((event) => event.json));
      const signature = sign?.(sent, json, clock.nowMs());
      const encoded = settings.gzip ? await compressed(json) : { body: json, headers: {} };
      const request = { ...encoded, headers: { ...headers, ...encoded.headers, ...signature } };
      const answer = await post({ url: settings.url, ...request, dispatcher }, settings.timeoutMs, signal);
      const outcome: Outcome =
        'code' in answer
          ? { kind: 'retry', code: answer.code }
          : httpOutcome(answer.status, answer.retryAfter, clock.nowMs());
      if (outcome.kind !== 'retry' && outcome.kind !== 'rejected')
        return { outcomes: sent.map(() => outcome) };
      const said = {
        method: 'POST',
        url: settings.url,
        headers: request.headers,
        shownHeaders,
        bodyBytes: request.body.length,
      };
      const exchange = exchangeOf(said, 'code' in answer ? undefined : answer);
      return { outcomes: sent.map(() => ({ ...outcome, exchange })) };
    },
  };
}

function batchLimits({ batch }: WebhookSettings): BatchLimits {
  if (!batch) return { maxCount: 1, maxBytes: BATCH_MAX_BYTES, maxWaitMs: 0 };
  return { maxCount: batch.maxCount, maxBytes: BATCH_MAX_BYTES, maxWaitMs: 1_000 };
}

function connectionPool({ timeoutMs, tls }: WebhookSettings): Dispatcher {
  // One timer bounds the whole request; undici's own would only bound its parts.
  return new Agent({
    connections: MAX_CONCURRENCY,
    connect: { timeout: timeoutMs, ...(tls && readTls(tls)) },
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
  dispatcher: Dispatcher;
}

type Answer =
  | { status: number; retryAfter: string | undefined; contentType: string | undefined; body: string }
  | { code: FailureCode };

/** Rejects only when `signal` is aborted before there is an answer. */
async function post(
  { url, ...options }: PostRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  signal.throwIfAborted();
  // Not AbortSignal.any: on Node 20 a long-lived signal never forgets the short-lived ones.
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener('abort', end);
  try {
    const { statusCode, headers, body } = await request(url, {
      ...options,
      method: 'POST',
      signal: ending.signal,
    });
    const isFailure = statusCode >= 300;
    if (!isFailure) await body.dump({ limit: ANSWER_MAX_BYTES });
    return {
      status: statusCode,
      retryAfter: [headers['retry-after']].flat()[0],
      contentType: [headers['content-type']].flat()[0],
      body: isFailure ? await beginningOf(body) : '',
    };
  } catch (error) {
    signal.throwIfAborted();
    return { code: ending.signal.aborted || isConnectTimeout(error) ? 'TIMEOUT' : 'NETWORK_ERROR' };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

/** What there is of it before it breaks or our time is over: the status counts, whatever becomes of the rest. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= ANSWER_MAX_BYTES) break;
    }
  } catch {
    // As said above.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isConnectTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'UND_ERR_CONNECT_TIMEOUT';
}

function jsonArray(events: readonly DeliveryEvent[]): Buffer {
  const parts = events.flatMap(({ json }, index) => [Buffer.from(index === 0 ? '[' : ','), json]);
  return Buffer.concat([...parts, Buffer.from(']')]);
}

function lowerCaseKeys(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
