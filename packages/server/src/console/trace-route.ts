import { CONSOLE_CODES, type ConsoleCode } from '@millrace/spec';
import type { FastifyInstance } from 'fastify';
import type { TraceReader, TraceReply } from '../trace/trace.ts';
import { API_HEADERS } from './headers.ts';
import type { ErrorReply } from './wire.ts';

/** Each one may read the whole log, in the process that also collects. */
const MAX_TRACE_COUNT = 4;

export function registerTrace(app: FastifyInstance, { trace }: Pick<TraceReader, 'trace'>): void {
  const running = new Set<AbortController>();

  app.get<{ Params: { messageId: string } }>('/api/trace/:messageId', async (request, reply) => {
    reply.headers(API_HEADERS);
    if (running.size >= MAX_TRACE_COUNT) {
      return reply.code(503).header('retry-after', '5').send(refusal('too_many_traces'));
    }
    const asker = new AbortController();
    running.add(asker);
    reply.raw.on('close', () => asker.abort());
    try {
      const found = await trace(request.params.messageId, asker.signal);
      if (!found) return await reply.code(404).send(refusal('unknown_message'));
      return found satisfies TraceReply;
    } finally {
      running.delete(asker);
    }
  });

  app.addHook('preClose', async () => {
    for (const asker of running) asker.abort();
  });
}

function refusal(code: ConsoleCode): ErrorReply {
  return { code, message: CONSOLE_CODES[code] };
}
