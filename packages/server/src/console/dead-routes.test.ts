import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { letter, settlement } from '../ledger/contract.ts';
import { memoryLedger } from '../ledger/memory.ts';
import { registerDead, type DeadOptions } from './dead-routes.ts';

function rig(given: Partial<DeadOptions> = {}) {
  const store = memoryLedger();
  const ledger = store.open();
  const exchange = { request: { method: 'POST' } };
  ledger.commit(
    settlement({
      cursor: 9,
      dead: [
        { ...letter(1), diedAtMs: 1_000 },
        { ...letter(2), diedAtMs: 2_000, eventName: 'Order Placed', exchange },
        { ...letter(3), diedAtMs: 3_000, code: 'HTTP_422' },
      ],
    }),
  );
  const app = fastify();
  const changeDead: DeadOptions['changeDead'] = async (action, selection) =>
    ledger.changeDead(action, selection);
  registerDead(app, { ledger: store.reader(), changeDead, ...given });
  const idsOf = async (query = ''): Promise<string[]> => {
    const reply = await app.inject(`/api/dead${query}`);
    expect(reply.statusCode).toBe(200);
    return reply.json<{ letters: { id: string }[] }>().letters.map(({ id }) => id);
  };
  const post = (action: 'retry' | 'drop', payload: object) =>
    app.inject({ method: 'POST', url: `/api/dead/${action}`, payload });
  return { app, ledger, idsOf, post };
}

describe('GET /api/dead', () => {
  it('lists the newest first, without their events, no cache keeps it', async () => {
    const { app } = rig();
    const reply = await app.inject('/api/dead?limit=2');
    expect(reply.headers['cache-control']).toBe('no-store');
    const shared = { destinationId: 'hook', partition: 0, attemptCount: 1 };
    expect(reply.json()).toStrictEqual({
      letters: [
        { id: 'hook:0:3', ...shared, position: 3, messageId: 'message-3', code: 'HTTP_422', diedAtMs: 3_000 },
        {
          id: 'hook:0:2',
          ...shared,
          position: 2,
          messageId: 'message-2',
          eventName: 'Order Placed',
          code: 'HTTP_400',
          diedAtMs: 2_000,
        },
      ],
      next: '2000:hook:0:2',
    });
  });

  it('goes on behind a place, and filters', async () => {
    const { idsOf } = rig();
    expect(await idsOf('?next=2000:hook:0:2')).toEqual(['hook:0:1']);
    expect(await idsOf('?code=HTTP_400')).toEqual(['hook:0:2', 'hook:0:1']);
    expect(await idsOf('?name=Order%20Placed')).toEqual(['hook:0:2']);
    expect(await idsOf('?destination=files')).toEqual([]);
    expect(await idsOf('?from=1970-01-01T00:00:02Z&to=3000')).toEqual(['hook:0:2']);
  });

  it.each(['?limit=x', '?nmae=x', '?from=x', '?code=a&code=b', '?next=1'])('refuses %s', async (query) => {
    const reply = await rig().app.inject(`/api/dead${query}`);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({ code: 'invalid_request' });
  });
});

describe('GET /api/dead/:destination/:partition/:position', () => {
  it('shows the event and what was sent and answered', async () => {
    const reply = await rig().app.inject('/api/dead/hook/0/2');
    expect(reply.json()).toMatchObject({
      id: 'hook:0:2',
      json: '{"messageId":"message-2"}',
      exchange: { request: { method: 'POST' } },
    });
  });

  it('knows none that is not there, and takes no other address', async () => {
    const { app } = rig();
    const reply = await app.inject('/api/dead/hook/0/9');
    expect([reply.statusCode, reply.json()]).toMatchObject([404, { code: 'unknown_dead_letter' }]);
    expect((await app.inject('/api/dead/hook/0/x')).statusCode).toBe(400);
  });
});

describe('POST /api/dead/retry and drop', () => {
  it('changes those that are meant, and says how many', async () => {
    const { post, idsOf, ledger } = rig();
    expect((await post('retry', { ids: ['hook:0:2', 'hook:0:9'] })).json()).toEqual({ count: 1 });
    expect(ledger.revive('hook', 0, { maxCount: 9, maxBytes: 9 })).toMatchObject([{ position: 2 }]);
    expect((await post('drop', { code: 'HTTP_422' })).json()).toEqual({ count: 1 });
    expect(await idsOf()).toEqual(['hook:0:1']);
    expect((await post('drop', { all: true })).json()).toEqual({ count: 1 });
  });

  it('passes on where to go on', async () => {
    const next = { destinationId: 'hook', partition: 0, position: 4, diedAtMs: 5 };
    const asked: unknown[] = [];
    const { post } = rig({
      async changeDead(...args) {
        asked.push(args);
        return { count: 7, next };
      },
    });
    expect((await post('retry', { all: true, next: '9:hook:0:8' })).json()).toEqual({
      count: 7,
      next: '5:hook:0:4',
    });
    expect(asked).toEqual([['retry', { filter: {}, after: { ...next, diedAtMs: 9, position: 8 } }]]);
  });

  it.each([{}, { nmae: 'x' }, { ids: [] }, { all: true, code: 'x' }])('refuses %o', async (payload) => {
    const { post, idsOf } = rig();
    const reply = await post('drop', payload);
    expect([reply.statusCode, reply.json()]).toMatchObject([400, { code: 'invalid_request' }]);
    expect(await idsOf()).toHaveLength(3);
  });

  it('says so where the router does not answer', async () => {
    const { post } = rig({
      changeDead: () => Promise.reject(Object.assign(new Error('no'), { code: 'router_unavailable' })),
    });
    const reply = await post('retry', { all: true });
    expect([reply.statusCode, reply.json()]).toMatchObject([503, { code: 'router_unavailable' }]);
  });
});
