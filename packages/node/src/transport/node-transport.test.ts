import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, startServer, type ScriptedServer } from '../../test/scripted-server.ts';
import { systemClock } from '../clock.ts';
import { Liveness } from '../liveness.ts';
import { NodeTransport } from './node-transport.ts';
import type { Reply } from './transport.ts';

let server: ScriptedServer;
let transport: NodeTransport;

beforeEach(async () => {
  server = await startServer();
  const liveness = new Liveness(systemClock());
  // A test awaits what it starts.
  liveness.hold();
  transport = new NodeTransport(liveness);
});

afterEach(async () => {
  transport.close();
  await server.close();
});

function post(url = `${server.host}/v1/batch`, timeoutMs = 5_000): Promise<Reply> {
  return transport.post({ url, headers: { 'x-test': 'yes' }, body: '{"batch":["水"]}', timeoutMs });
}

describe('NodeTransport', () => {
  it('posts JSON with its length in bytes, and says what was answered', async () => {
    server.script({ status: 429, headers: { 'retry-after': '3' } });
    expect(await post()).toMatchObject({
      kind: 'answered',
      status: 429,
      statusText: 'Too Many Requests',
      retryAfter: '3',
      date: expect.stringMatching(/ GMT$/) as string,
    });
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v1/batch',
      headers: { 'content-type': 'application/json', 'content-length': '17', 'x-test': 'yes' },
      body: { batch: ['水'] },
    });
  });

  it('asks which events of a batch were refused, and says what it is told', async () => {
    const verdicts = [{ index: 0, code: 'invalid_type' }];
    server.script({ status: 200, body: JSON.stringify({ success: true, verdicts }) });
    expect(await post()).toMatchObject({ kind: 'answered', status: 200, verdicts });
    expect(server.requests[0]?.headers).toMatchObject({ 'x-millrace-verdicts': '1' });
    expect(await post()).toMatchObject({ status: 200, verdicts: undefined });
  });

  it('reads no more than 64 KB of an answer, and uses the connection again', async () => {
    const padding = ' '.repeat(64 * 1024);
    server.script({ status: 200, body: `{"verdicts":[{"index":0,"code":"x"}]}${padding}` });
    expect(await post()).not.toHaveProperty('verdicts');
    await post();
    expect(server.connectionCount).toBe(1);
  });

  it('uses one connection for one request after another', async () => {
    for (let count = 0; count < 5; count += 1) await post();
    expect([server.requests.length, server.connectionCount]).toEqual([5, 1]);
  });

  it('sends again at once what met a connection that the server had just closed', async () => {
    await post();
    server.script('cut');
    expect(await post()).toMatchObject({ kind: 'answered', status: 200 });
    expect([server.requests.length, server.connectionCount]).toEqual([3, 2]);
  });

  it('does so once', async () => {
    await post();
    server.script('cut', 'cut');
    expect(await post()).toMatchObject({ kind: 'unanswered', error: { code: 'ECONNRESET' } });
    expect(server.requests).toHaveLength(3);
  });

  it('does so on a fresh connection, not on another that was idle', async () => {
    await Promise.all([post(), post(), post()]);
    expect(server.connectionCount).toBe(3);
    server.script('cut');
    expect(await post()).toMatchObject({ kind: 'answered', status: 200 });
    expect(server.connectionCount).toBe(4);
  });

  it('does not when an answer had begun', async () => {
    await post();
    server.script({ raw: 'HTTP/1.1 200' });
    expect(await post()).toMatchObject({ kind: 'unanswered', error: { code: 'ECONNRESET' } });
    expect(server.requests).toHaveLength(2);
  });

  it('gives both together the time of one request', async () => {
    const { opened, open } = gate();
    await post();
    server.script('cut', { after: opened });
    expect(await post(undefined, 50)).toMatchObject({ kind: 'unanswered', error: { code: 'ECONNABORTED' } });
    expect(server.requests).toHaveLength(3);
    open();
  });

  it('stops waiting after the time-out, with the words and code of axios', async () => {
    const { opened, open } = gate();
    server.script({ after: opened });
    const reply = await post(undefined, 20);
    expect(reply).toMatchObject({
      kind: 'unanswered',
      error: { message: 'timeout of 20ms exceeded', code: 'ECONNABORTED' },
    });
    open();
  });

  it('says when the connection was cut or refused', async () => {
    server.script('cut');
    expect(await post()).toMatchObject({ kind: 'unanswered', error: { code: 'ECONNRESET' } });
    await server.close();
    expect(await post()).toMatchObject({ kind: 'unanswered', error: { code: 'ECONNREFUSED' } });
  });

  it('takes the status for the answer when the body is cut short', async () => {
    const raw = createServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{'));
    });
    await new Promise<void>((resolve) => {
      raw.listen(0, '127.0.0.1', resolve);
    });
    const reply = await post(`http://127.0.0.1:${(raw.address() as AddressInfo).port}`);
    raw.close();
    expect(reply).toMatchObject({ kind: 'answered', status: 200 });
  });

  it('takes an upgrade that it did not ask for as no answer', async () => {
    const raw = createServer((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      );
    });
    await new Promise<void>((resolve) => {
      raw.listen(0, '127.0.0.1', resolve);
    });
    const reply = await post(`http://127.0.0.1:${(raw.address() as AddressInfo).port}`);
    raw.close();
    expect(reply).toMatchObject({ kind: 'unanswered', error: { code: 'NETWORK_ERROR' } });
  });

  it.each(['a', 'localhost:3700/v1/batch', 'ftp://example.com', 'http://'])(
    'cannot post to %s, and says what makes an address',
    async (url) => {
      const message = `The options "host" and "path" must make an http or https URL; found "${url}".`;
      expect(await post(url)).toMatchObject({ kind: 'unsendable', error: { message } });
    },
  );
});
