import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { registerHealth, type HealthOptions, type Readiness } from './health.ts';

const READY: Readiness = { log: 'ready', router: 'ready', ledger: 'ready' };

async function ask(
  url: string,
  given: Partial<HealthOptions>,
): Promise<{ statusCode: number; body: unknown }> {
  const app = fastify();
  registerHealth(app, { readiness: () => READY, needs: ['log'], ...given });
  const { statusCode, body } = await app.inject(url);
  return { statusCode, body: JSON.parse(body) as unknown };
}

it('is ready when what the listener needs is, and shows the rest', async () => {
  const parts = { ...READY, router: 'starting' };
  expect(await ask('/readyz', { readiness: () => parts })).toEqual({
    statusCode: 200,
    body: { status: 'ready', parts },
  });
  expect(await ask('/readyz', { readiness: () => parts, needs: ['log', 'router'] })).toEqual({
    statusCode: 503,
    body: { status: 'not ready', parts },
  });
});

it('is not ready while it stops', async () => {
  expect(await ask('/readyz', { isClosing: () => true })).toEqual({
    statusCode: 503,
    body: { status: 'stopping', parts: READY },
  });
});

it('is healthy as long as it answers', async () => {
  expect(await ask('/healthz', { isClosing: () => true })).toEqual({
    statusCode: 200,
    body: { status: 'ok' },
  });
});
