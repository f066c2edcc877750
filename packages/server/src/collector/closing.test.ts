import { connect, type AddressInfo, type Socket } from 'node:net';
import { EventEmitter, once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../clock.ts';
import { memoryLog } from '../log/memory-log.ts';
import { createCollector } from './collector.ts';
import type { Refusal } from './refusal.ts';
import { configuredSources } from './sources.ts';
import { watchLog, type WatchedLog } from './test-rig.ts';

// On sockets, since `inject` knows no connections: what a closing server does with those that are
// open, and what it answers to bytes that are no request, shows nowhere else.

let log: WatchedLog;
let app: FastifyInstance;
let refusals: Refusal[];
let endGrace: () => void;

beforeEach(async () => {
  log = watchLog(memoryLog().log);
  refusals = [];
  const grace = new Promise<void>((resolve) => {
    endGrace = resolve;
  });
  const clock: Clock = { ...systemClock, sleep: () => grace };
  app = createCollector({
    log,
    clock,
    sources: configuredSources([{ id: 'web', name: 'Web', writeKey: 'k' }]),
    onRefused: (refusal) => refusals.push(refusal),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

const BODY = JSON.stringify({ writeKey: 'k', userId: 'ada', event: 'x', messageId: 'm' });
const HEAD = `POST /v1/track HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n`;

async function open(): Promise<Socket> {
  const { port } = app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  const accepted = once(app.server, 'connection');
  await Promise.all([once(socket, 'connect'), accepted]);
  return socket;
}

describe('a collector that closes', () => {
  it('finishes the request in flight and ends its connection', async () => {
    const append = new EventEmitter();
    log.beforeAppend = async () => {
      append.emit('started');
      await once(append, 'finish');
    };
    const socket = await open();
    const started = once(append, 'started');
    socket.write(`${HEAD}\r\n${BODY}`);
    await started;
    const closed = app.close();
    await vi.waitFor(() => expect(app.server.listening).toBe(false));
    append.emit('finish');
    const reply = await text(socket);
    expect(reply).toMatch(/^HTTP\/1.1 200 /);
    expect(reply.toLowerCase()).toContain('connection: close');
    await closed;
    expect(log.events).toHaveLength(1);
  });

  it('answers a request that comes too late 503 shutting_down, once it has read it', async () => {
    const accepted = once(app.server, 'connection') as Promise<[Socket]>;
    const socket = await open();
    socket.write(HEAD);
    // Until its first byte is read a connection is idle, and Node 26 cuts those (nodejs/node#63470).
    const [atServer] = await accepted;
    await vi.waitFor(() => expect(atServer.bytesRead).toBe(HEAD.length));
    const closed = app.close();
    await vi.waitFor(() => expect(app.server.listening).toBe(false));
    socket.write('\r\n');
    socket.write(BODY);
    const reply = await text(socket);
    expect(reply).toMatch(/^HTTP\/1.1 503 /);
    expect(reply.toLowerCase()).toMatch(/retry-after: [1-9]/);
    expect(reply.toLowerCase()).toContain('connection: close');
    expect(reply).toContain('"code":"shutting_down"');
    await closed;
    expect(log.events).toEqual([]);
    expect(refusals).toMatchObject([{ code: 'shutting_down', sizeBytes: BODY.length }]);
  });

  it('waits no longer than its grace for a connection that says nothing', async () => {
    const socket = await open();
    const closed = app.close();
    await vi.waitFor(() => expect(app.server.listening).toBe(false));
    endGrace();
    await closed;
    await text(socket);
  });
});

describe('bytes that are no request', () => {
  it('are answered 400 invalid_request', async () => {
    const socket = await open();
    socket.write('HELO mill\r\n\r\n');
    const reply = await text(socket);
    expect(reply).toMatch(/^HTTP\/1.1 400 /);
    expect(reply).toContain('"code":"invalid_request"');
    expect(refusals).toMatchObject([{ code: 'invalid_request' }]);
  });

  it('do not disturb the server when the sender is gone', async () => {
    const socket = await open();
    socket.write(HEAD);
    socket.resetAndDestroy();
    const other = await open();
    other.write(`${HEAD}Connection: close\r\n\r\n${BODY}`);
    expect(await text(other)).toMatch(/^HTTP\/1.1 200 /);
  });
});
