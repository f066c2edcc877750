import { CONSOLE_CODES, type ConsoleCode } from '@millrace/spec';
import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  changeReply,
  DeadQueryError,
  listDead,
  parseListQuery,
  parseSelection,
  placeOfId,
  showDead,
} from '../dead-letters/index.ts';
import type { DeadChange, DeadSelection } from '../ledger/dead-letters.ts';
import type { LedgerReader } from '../ledger/ledger.ts';
import { API_HEADERS } from './headers.ts';
import type { ErrorReply } from './wire.ts';

export interface DeadOptions {
  ledger: Pick<LedgerReader, 'deadLetters' | 'deadLetter'>;
  /** Rejects with the code `router_unavailable` where the router does not answer. */
  changeDead: (action: 'retry' | 'drop', selection: DeadSelection) => Promise<DeadChange>;
}

export function registerDead(app: FastifyInstance, { ledger, changeDead }: DeadOptions): void {
  app.get<{ Querystring: Record<string, unknown> }>('/api/dead', async (request, reply) =>
    answering(reply, () => listDead(ledger, parseListQuery(request.query))),
  );

  app.get<{ Params: { destination: string; partition: string; position: string } }>(
    '/api/dead/:destination/:partition/:position',
    async ({ params: { destination, partition, position } }, reply) =>
      answering(reply, () => {
        const found = showDead(ledger, placeOfId(`${destination}:${partition}:${position}`));
        return found ?? refused(reply, 404, 'unknown_dead_letter');
      }),
  );

  for (const action of ['retry', 'drop'] as const) {
    app.post(`/api/dead/${action}`, async (request, reply) =>
      answering(reply, async () => {
        const selection = parseSelection(request.body);
        try {
          return changeReply(await changeDead(action, selection));
        } catch (error) {
          if (!isUnavailable(error)) throw error;
          return refused(reply.header('retry-after', '5'), 503, 'router_unavailable');
        }
      }),
    );
  }
}

async function answering<T>(reply: FastifyReply, answer: () => T | Promise<T>): Promise<T | FastifyReply> {
  reply.headers(API_HEADERS);
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof DeadQueryError)) throw error;
    const { message } = error;
    return reply.code(400).send({ code: 'invalid_request', message } satisfies ErrorReply);
  }
}

function refused(reply: FastifyReply, status: number, code: ConsoleCode): FastifyReply {
  return reply.code(status).send({ code, message: CONSOLE_CODES[code] } satisfies ErrorReply);
}

function isUnavailable(error: unknown): boolean {
  const code: ConsoleCode = 'router_unavailable';
  return error instanceof Error && 'code' in error && error.code === code;
}
