import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import type { KeptRefusal, RefusedQuery } from '../refused/refused-store.ts';
import { registerRefused } from './refused-route.ts';

const kept: KeptRefusal[] = [7, 6].map((id) => ({
  id,
  code: 'invalid_json',
  receivedAtMs: id,
  sizeBytes: 1,
}));

async function ask(url: string): Promise<{ status: number; body: unknown; asked: RefusedQuery[] }> {
  const app = fastify();
  const asked: RefusedQuery[] = [];
  registerRefused(app, {
    find(query) {
      asked.push(query);
      return kept.slice(0, query.limit);
    },
  });
  const reply = await app.inject(url);
  return { status: reply.statusCode, body: reply.json(), asked };
}

const shown = (receivedAtMs: number) => ({
  kind: 'refused',
  code: 'invalid_json',
  reason: 'the body is not valid JSON',
  receivedAtMs,
  sizeBytes: 1,
});

it('shows what was refused, with the code in words', async () => {
  const { status, body, asked } = await ask('/api/refused');
  expect(status).toBe(200);
  expect(body).toMatchObject({ events: [{ ...shown(7), reason: expect.any(String) as string }, {}] });
  expect(body).not.toHaveProperty('next');
  expect(asked).toEqual([{ limit: 100 }]);
});

it('asks for what the query says, and names the next page', async () => {
  const { body, asked } = await ask('/api/refused?code=invalid_json&source=web&before=9&limit=2');
  expect(asked).toEqual([{ code: 'invalid_json', sourceId: 'web', beforeId: 9, limit: 2 }]);
  expect(body).toMatchObject({ next: 6 });
});

it.each([
  ['limit=0', 'limit must be an integer from 1 to 1000'],
  ['limit=x', 'limit must be an integer from 1 to 1000'],
  ['before=-1', 'before must be the "next" of an answer'],
  ['code=a&code=b', 'code must be given once'],
])('refuses %s', async (query, message) => {
  const { status, body, asked } = await ask(`/api/refused?${query}`);
  expect([status, body]).toEqual([400, { code: 'invalid_request', message }]);
  expect(asked).toEqual([]);
});
