import { CONSOLE_CODES } from '@millrace/spec';
import type { FastifyInstance } from 'fastify';
import { decodeSearchCursor, encodeSearchCursor } from '../search/cursor.ts';
import type { EventSearch, SearchCursor, SearchQuery } from '../search/search.ts';
import { API_HEADERS } from './headers.ts';
import { toReceivedEvent } from './log-window.ts';
import type { ErrorReply, SearchReply } from './wire.ts';

/** Each one reads the log, in the process that also collects. */
const MAX_SEARCH_COUNT = 4;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const MAX_TEXT_CHARS = 1_000;

/** In the address: names of the query's own, `source`, and `before`, the cursor. */
const TEXT_FIELDS = {
  messageId: 'messageId',
  userId: 'userId',
  anonymousId: 'anonymousId',
  event: 'event',
  type: 'type',
  source: 'sourceId',
  text: 'text',
} as const;
const TIME_FIELDS = { from: 'fromMs', to: 'toMs' } as const;
const KNOWN = [...Object.keys(TEXT_FIELDS), ...Object.keys(TIME_FIELDS), 'limit', 'before'];

interface Asked {
  query: SearchQuery;
  page: { limit: number; before?: SearchCursor };
}

export function registerSearch(app: FastifyInstance, search: EventSearch): void {
  const running = new Set<AbortController>();

  app.get<{ Querystring: Record<string, unknown> }>('/api/search', async (request, reply) => {
    reply.headers(API_HEADERS);
    const asked = parse(request.query);
    if (typeof asked === 'string') {
      return reply.code(400).send({ code: 'invalid_request', message: asked } satisfies ErrorReply);
    }
    if (running.size >= MAX_SEARCH_COUNT) {
      const message = CONSOLE_CODES.too_many_searches;
      return reply.code(503).header('retry-after', '5').send({ code: 'too_many_searches', message });
    }
    const asker = new AbortController();
    running.add(asker);
    reply.raw.on('close', () => asker.abort());
    try {
      const { hits, next, ...more } = await search.find(asked.query, asked.page, asker.signal);
      return {
        events: hits.map(toReceivedEvent),
        ...(next && { next: encodeSearchCursor(next) }),
        ...more,
      } satisfies SearchReply;
    } finally {
      running.delete(asker);
    }
  });

  app.addHook('preClose', async () => {
    for (const asker of running) asker.abort();
  });
}

/** What is wrong with it, in words, where it cannot be answered. */
function parse(given: Record<string, unknown>): Asked | string {
  const query: SearchQuery = {};
  const page: Asked['page'] = { limit: DEFAULT_LIMIT };
  for (const [name, value] of Object.entries(given)) {
    if (!KNOWN.includes(name)) return `${name} is not known; known are ${KNOWN.join(', ')}`;
    if (typeof value !== 'string') return `${name} must be given once`;
    if (value.length > MAX_TEXT_CHARS) return `${name} must have at most ${MAX_TEXT_CHARS} characters`;
    if (name in TEXT_FIELDS) {
      if (name === 'text' && value === '') return 'text must not be empty';
      query[TEXT_FIELDS[name as keyof typeof TEXT_FIELDS]] = value;
    } else if (name in TIME_FIELDS) {
      const ms = timeOf(value);
      if (ms === undefined) return `${name} must be a time in ISO 8601 or in milliseconds since 1970`;
      query[TIME_FIELDS[name as keyof typeof TIME_FIELDS]] = ms;
    } else if (name === 'limit') {
      page.limit = Number(value);
      if (!Number.isInteger(page.limit) || page.limit < 1 || page.limit > MAX_LIMIT)
        return `limit must be an integer from 1 to ${MAX_LIMIT}`;
    } else {
      const before = decodeSearchCursor(value);
      if (!before) return 'before must be the next of an earlier answer';
      page.before = before;
    }
  }
  return { query, page };
}

function timeOf(value: string): number | undefined {
  const ms = /^\d{1,15}$/.test(value) ? Number(value) : /^\d{4}-/.test(value) ? Date.parse(value) : NaN;
  return Number.isFinite(ms) ? ms : undefined;
}
