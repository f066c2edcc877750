import type { FastifyInstance } from 'fastify';

export type Part = 'log' | 'router' | 'ledger';

/** `ready`, or why not in words that are safe to show. */
export type Readiness = Readonly<Record<Part, string>>;

export interface HealthOptions {
  readiness: () => Readiness;
  /** What whoever asks on this listener needs; the other parts are shown all the same. */
  needs: readonly Part[];
  /** From then on nothing new should come. */
  isClosing?: () => boolean;
}

/**
 * `GET /healthz`: the process answers. `GET /readyz`: 200 when all that this listener needs is ready, else 503; which part is
 * not stands in the body.
 */
export function registerHealth(app: FastifyInstance, options: HealthOptions): void {
  const { readiness, needs, isClosing = () => false } = options;
  app.get('/healthz', async (_, reply) => {
    reply.header('cache-control', 'no-store');
    return { status: 'ok' };
  });
  app.get('/readyz', async (_, reply) => {
    const parts = readiness();
    const isReady = !isClosing() && needs.every((part) => parts[part] === 'ready');
    reply.code(isReady ? 200 : 503).header('cache-control', 'no-store');
    return { status: isReady ? 'ready' : isClosing() ? 'stopping' : 'not ready', parts };
  });
}
