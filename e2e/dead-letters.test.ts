import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BIN, startMillrace, type Millrace } from './harness/millrace.ts';

const SECRET = 'secret-of-the-vendor';
const WAIT = { timeout: 30_000, interval: 200 };

let dir: string;
let vendor: Server;
let server: Millrace;
/** How the vendor answers, by the event's name; it repeats the credentials, as some do. */
let statusOf: (event: string) => number;
/** The messageIds that it took, in order. */
let accepted: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'millrace-dead-'));
  accepted = [];
  statusOf = () => 400;
  vendor = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { event, messageId } = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>;
      const status = statusOf(event!);
      if (status < 300) accepted.push(messageId!);
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(`no field "price", for ${request.headers.authorization}`);
    });
  }).listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/in?key=${SECRET}`;
  const settings = { url, headers: { authorization: `Bearer ${SECRET}` } };
  await writeFile(
    join(dir, 'millrace.config.json'),
    JSON.stringify({ destinations: [{ kind: 'webhook', id: 'hook', settings }] }),
  );
  server = await startMillrace({ dir });
});

afterEach(async () => {
  await server.stop();
  vendor.close();
  await rm(dir, { recursive: true });
});

async function track(...events: { event: string; messageId: string }[]): Promise<void> {
  const batch = events.map((each) => ({ type: 'track', userId: 'u', ...each }));
  const reply = await fetch(`${server.trackingUrl}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ writeKey: 'dev', batch }),
  });
  expect(reply.status).toBe(200);
}

function millrace(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], { cwd: dir }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

async function listed(...args: string[]): Promise<{ id: string; messageId: string }[]> {
  const { stdout, stderr } = await millrace('dead', 'list', '--json', '--limit', '500', ...args);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { letters: { id: string; messageId: string }[] }).letters;
}

async function messageIds(...args: string[]): Promise<string[]> {
  return (await listed(...args)).map(({ messageId }) => messageId).toSorted();
}

it('dead letters are listed, shown, tried again and dropped, by a running server and without one', async () => {
  statusOf = (event) => (event === 'Signed Up' ? 422 : 400);
  await track(
    { event: 'Order Placed', messageId: 'a' },
    { event: 'Order Placed', messageId: 'b' },
    { event: 'Order Paid', messageId: 'c' },
    { event: 'Signed Up', messageId: 'd' },
    { event: 'Signed Up', messageId: 'e' },
  );
  await vi.waitFor(async () => expect(await listed()).toHaveLength(5), WAIT);
  expect(await messageIds('--code', 'HTTP_422')).toEqual(['d', 'e']);
  expect(await messageIds('--name', 'Order Placed', '--destination', 'hook')).toEqual(['a', 'b']);
  expect(await messageIds('--to', '2020-01-01')).toEqual([]);
  const [a] = (await listed()).filter(({ messageId }) => messageId === 'a');

  const shown = await millrace('dead', 'show', a!.id);
  expect(shown.stdout).toMatch(/HTTP_400 after 1 attempt {2}"Order Placed" {2}message a\n/);
  expect(shown.stdout).toMatch(/POST http:\/\/127\.0\.0\.1:\d+\/in\?key=\*\*\*, \d+ bytes\n/);
  expect(shown.stdout).toContain('authorization: ***');
  expect(shown.stdout).toContain('400 text/plain\n    no field "price", for ***\n');
  expect(shown.stdout).toContain('"messageId":"a"');
  const json = await millrace('dead', 'show', a!.id, '--json');
  expect(shown.stdout + json.stdout).not.toContain(SECRET);
  expect((await millrace('dead', 'show', 'hook:0:999')).code).toBe(1);

  statusOf = () => 200;
  expect(await millrace('dead', 'retry', a!.id)).toMatchObject({
    code: 0,
    stdout: '1 dead letter to be tried again\n',
  });
  await vi.waitFor(() => expect(accepted).toEqual(['a']), WAIT);
  await vi.waitFor(
    async () =>
      expect((await millrace('trace', 'a')).stdout).toMatch(/hook: delivered\n.*HTTP_400.*\n.*delivered/),
    WAIT,
  );
  expect(await messageIds()).toEqual(['b', 'c', 'd', 'e']);
  expect((await millrace('dead', 'retry')).code).toBe(2);
  expect((await millrace('dead', 'retry', '--code', 'HTTP_400', '--json')).stdout).toBe('{"count":2}\n');
  await vi.waitFor(() => expect(accepted.toSorted()).toEqual(['a', 'b', 'c']), WAIT);

  await vi.waitFor(async () => expect(await messageIds()).toEqual(['d', 'e']), WAIT);
  await server.stop();
  expect(await messageIds('--code', 'HTTP_422')).toEqual(['d', 'e']);
  const [e] = (await listed()).filter(({ messageId }) => messageId === 'e');
  expect((await millrace('dead', 'show', e!.id)).stdout).toContain('"messageId":"e"');
  expect(await millrace('dead', 'retry', '--all')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('only a running one can retry') as string,
  });

  server = await startMillrace({ dir });
  expect((await millrace('dead', 'drop', e!.id)).stdout).toBe('1 dead letter dropped\n');
  expect((await millrace('dead', 'drop', '--all')).stdout).toBe('1 dead letter dropped\n');
  expect(await millrace('dead', 'list')).toMatchObject({ code: 1, stdout: 'no dead letters\n' });
  expect((await millrace('trace', 'e')).stdout).toMatch(/hook: dead, HTTP_422/);
  const status = (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as object;
  expect(status).toMatchObject({
    destinations: [{ deliveredCount: 3, pendingCount: 0, dead: { HTTP_422: 2 }, dropped: { HTTP_422: 2 } }],
  });
});

it('kill -9 in the middle of a retry of many loses none: it goes on when the server is back', async () => {
  const ids = Array.from({ length: 60 }, (_, index) => `m${index}`);
  await track(...ids.map((messageId) => ({ event: 'Order Placed', messageId })));
  await vi.waitFor(async () => expect(await listed()).toHaveLength(ids.length), WAIT);
  statusOf = () => 200;
  expect((await millrace('dead', 'retry', '--all', '--json')).stdout).toBe('{"count":60}\n');
  await vi.waitFor(() => expect(accepted.length).toBeGreaterThanOrEqual(15), { ...WAIT, interval: 10 });
  server.kill('SIGKILL');
  await server.exit;
  const before = new Set(accepted).size;
  expect(before).toBeLessThan(ids.length);

  server = await startMillrace({ dir });
  await vi.waitFor(() => expect(new Set(accepted).size).toBe(ids.length), WAIT);
  await vi.waitFor(async () => expect(await listed()).toEqual([]), WAIT);
  // Only what was in flight when it died may come twice: no more than the webhook has requests.
  expect(accepted.length - ids.length).toBeLessThanOrEqual(8);
  await vi.waitFor(async () => {
    const status = (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as object;
    expect(status).toMatchObject({ destinations: [{ deliveredCount: 60, pendingCount: 0, dead: {} }] });
  }, WAIT);
});
