import { REFUSAL_CODES } from '@millrace/spec';
import type { FastifyInstance } from 'fastify';
import type { RefusedReader } from '../refused/refused-store.ts';
import { API_HEADERS } from './headers.ts';
import type { ErrorReply, RefusedReply } from './wire.ts';

const DEFAULT_COUNT = 100;
const MAX_COUNT = 1_000;

interface Query {
  code?: string | string[];
  source?: string | string[];
  before?: string | string[];
  limit?: string | string[];
}

/** `GET /api/refused?code=&source=&before=&limit=`: what was refused and what was a duplicate, newest first. */
export function registerRefused(app: FastifyInstance, refused: Pick<RefusedReader, 'find'>): void {
  app.get<{ Querystring: Query }>('/api/refused', async (request, reply) => {
    reply.headers(API_HEADERS);
    const { code, source, before, limit } = request.query;
    const count = Number(limit ?? DEFAULT_COUNT);
    const beforeId = before === undefined ? undefined : Number(before);
    const fault =
      faultOfText('code', code) ??
      faultOfText('source', source) ??
      (isWhole(count, 1, MAX_COUNT) ? undefined : `limit must be an integer from 1 to ${MAX_COUNT}`) ??
      (beforeId === undefined || isWhole(beforeId, 1, Number.MAX_SAFE_INTEGER)
        ? undefined
        : 'before must be the "next" of an answer');
    if (fault !== undefined)
      return reply.code(400).send({ code: 'invalid_request', message: fault } satisfies ErrorReply);
    const kept = refused.find({
      ...(typeof code === 'string' && { code }),
      ...(typeof source === 'string' && { sourceId: source }),
      ...(beforeId !== undefined && { beforeId }),
      limit: count,
    });
    const next = kept.length === count ? kept.at(-1)?.id : undefined;
    return {
      events: kept.map((event) => ({
        kind: 'refused',
        ...event,
        reason: (REFUSAL_CODES as Record<string, string>)[event.code] ?? event.code,
      })),
      ...(next !== undefined && { next }),
    } satisfies RefusedReply;
  });
}

function faultOfText(name: string, value: string | string[] | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? undefined : `${name} must be given once`;
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
