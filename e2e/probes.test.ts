import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const WAIT = { timeout: 20_000, interval: 20 };

let project: Project;
let receiver: Receiver;
let server: Millrace;

beforeEach(async () => {
  project = await createProject();
  receiver = await startReceiver();
  await project.writeConfig(configFor(receiver.url));
  server = await startMillrace({ mode: 'start', dir: project.dir });
});

afterEach(async () => {
  await server.stop();
  await receiver.close();
  await project.remove();
});

async function ask(url: string): Promise<[number, unknown]> {
  const answer = await fetch(url);
  return [answer.status, await answer.json()];
}

async function metric(line: RegExp): Promise<number> {
  const text = await (await fetch(`${server.consoleUrl}/metrics`)).text();
  return Number(line.exec(text)?.[1]);
}

it('tells a probe which part is not ready, and Prometheus what arrived and what was delivered', async () => {
  const ready = { status: 'ready', parts: { log: 'ready', router: 'ready', ledger: 'ready' } };
  for (const url of [server.trackingUrl, server.consoleUrl]) {
    expect(await ask(`${url}/healthz`)).toEqual([200, { status: 'ok' }]);
    expect(await ask(`${url}/readyz`)).toEqual([200, ready]);
  }

  process.kill(await server.routerPid(), 'SIGKILL');
  await vi.waitFor(async () => {
    const [status, body] = await ask(`${server.consoleUrl}/readyz`);
    expect([status, body]).toMatchObject([503, { status: 'not ready', parts: { log: 'ready' } }]);
    expect(body).not.toMatchObject({ parts: { router: 'ready' } });
  }, WAIT);
  await vi.waitFor(async () => {
    expect(await ask(`${server.consoleUrl}/readyz`)).toEqual([200, ready]);
  }, WAIT);

  const events = ['a', 'b', 'a'].map((messageId) => ({ type: 'track', event: 'E', userId: 'u', messageId }));
  for (const event of events) {
    const answer = await fetch(`${server.trackingUrl}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ writeKey: 'shop-key', ...event }),
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
  await vi.waitFor(
    async () =>
      expect(await metric(/^millrace_destination_delivered_total\{destination="hook"\} (\d+)/m)).toBe(2),
    WAIT,
  );
  expect(await metric(/^millrace_events_received_total (\d+)/m)).toBe(2);
  expect(await metric(/^millrace_events_duplicate_total (\d+)/m)).toBe(1);
  expect(await metric(/^millrace_append_duration_seconds_count (\d+)/m)).toBe(3);
  expect(await metric(/^millrace_destination_lag\{destination="hook"\} (\d+)/m)).toBe(0);
});
