import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startFarHost } from './harness/far-host.ts';
import { startProgram, type Program } from './harness/program.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';
import { startWorker } from './harness/workerd.ts';

type Event = Record<string, unknown>;

const folder = new URL('../examples/', import.meta.url);
const programs = readdirSync(folder).filter((name) => /\.(mjs|ts)$/.test(name));
const started = new Set<string>();
const path = (name: string): string => new URL(name, folder).pathname;
const runner = (name: string): string => new URL(`harness/${name}`, import.meta.url).pathname;

/** An example as it is, told by its environment alone where to send. */
function start(name: string, host: string, { args = [], env = {} }: Partial<Launch> = {}): Program {
  started.add(name);
  return startProgram([path(name), ...args], { MILLRACE_HOST: host, MILLRACE_WRITE_KEY: 'shop-key', ...env });
}

/** One that a platform calls. */
function startOn(platform: string, name: string, host: string, args: string[] = []): Program {
  started.add(name);
  return startProgram([runner(platform), path(name), ...args], {
    MILLRACE_HOST: host,
    MILLRACE_WRITE_KEY: 'shop-key',
  });
}

const namesOf = (events: Event[]): unknown[] => events.map(({ event, type }) => event ?? type);

interface Launch {
  args: string[];
  env: Record<string, string>;
}

const PATIENCE = { timeout: 20_000 };
const CLEAN = { code: 0, signal: null, stderr: '' };

describe('against a millrace', () => {
  let project: Project;
  let server: Millrace;
  let before: number;

  beforeAll(async () => {
    project = await createProject();
    await project.writeConfig(`import { defineConfig, files } from 'millrace';

export default defineConfig({
  sources: [
    { id: 'shop', name: 'Shop', writeKey: 'shop-key' },
    { id: 'marketing', name: 'Marketing', writeKey: 'marketing-key' },
  ],
  destinations: [files({ id: 'archive', dir: 'archive' })],
});
`);
    server = await startMillrace({ mode: 'start', dir: project.dir });
  });
  afterAll(async () => {
    await server.stop();
    await project.remove();
  });
  beforeEach(async () => {
    before = (await project.ndjson('archive')).length;
  });

  /** What has come since the test began, in the order in which it came. */
  const delivered = async (): Promise<Event[]> => (await project.ndjson('archive')).slice(before);

  /** Waits until as many have come, and then looks at all that have. */
  async function arrive(events: object[]): Promise<void> {
    await vi.waitFor(
      async () => expect((await delivered()).length).toBeGreaterThanOrEqual(events.length),
      PATIENCE,
    );
    expect(await delivered()).toMatchObject(events);
  }

  it('development.mjs sends each event at once and says so', async () => {
    const program = start('development.mjs', server.trackingUrl);
    expect(await program.exit).toEqual({ ...CLEAN, stdout: 'delivered\ndelivered\n' });
    await arrive([
      { type: 'identify', userId: 'ada', traits: { plan: 'Pro' } },
      { type: 'track', userId: 'ada', event: 'Report Opened', properties: { pages: 3 } },
    ]);
  });

  it('multiple-clients.mjs sends to two sources', async () => {
    const program = start('multiple-clients.mjs', server.trackingUrl, {
      env: { MARKETING_WRITE_KEY: 'marketing-key' },
    });
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    await vi.waitFor(async () => expect(await delivered()).toHaveLength(3), PATIENCE);
    const { events } = (await (await fetch(`${server.consoleUrl}/api/events?limit=3`)).json()) as {
      events: { json: string; sourceId: string }[];
    };
    const bySource = events.map(({ json, sourceId }) => [sourceId, (JSON.parse(json) as Event)['type']]);
    expect(bySource).toHaveLength(3);
    expect(bySource).toEqual(
      expect.arrayContaining([
        ['marketing', 'page'],
        ['marketing', 'track'],
        ['shop', 'track'],
      ]),
    );
  });

  it('historical-import.mjs keeps the times of the past, and a repeated import counts once', async () => {
    const orders = readFileSync(path('orders.ndjson'), 'utf8').trim().split('\n');
    for (const _ of ['first', 'again']) {
      const program = start('historical-import.mjs', server.trackingUrl);
      expect(await program.exit).toEqual({ ...CLEAN, stdout: '3 orders imported\n' });
    }
    // What is sent behind it shows that nothing more is on its way.
    await start('development.mjs', server.trackingUrl).exit;
    const expected = orders
      .map((line) => JSON.parse(line) as Record<string, string>)
      .map(({ id, customer, placedAt }) => ({
        userId: customer,
        event: 'Order Completed',
        messageId: `import-order-${id}`,
        originalTimestamp: placedAt,
      }));
    await arrive([...expected, { type: 'identify' }, { type: 'track' }]);
  });

  it('alias.mjs tells who the visitor was, in order', async () => {
    const program = start('alias.mjs', server.trackingUrl);
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    const userId = 'ada@example.com';
    await arrive([
      { type: 'track', userId: 'visitor-7', event: 'Pricing Viewed' },
      { type: 'alias', previousId: 'visitor-7', userId },
      { type: 'identify', userId, traits: { plan: 'Free' } },
      { type: 'track', userId, event: 'Project Created' },
    ]);
  });

  it('error-handling.mjs has one error, which is thrown at the call, where the server is there', async () => {
    const exit = await start('error-handling.mjs', server.trackingUrl).exit;
    expect(exit).toEqual({
      code: 0,
      signal: null,
      stdout: 'callback: delivered\nfailures: 0\n',
      stderr: 'thrown: You must pass either an "anonymousId" or a "userId".\n',
    });
    await arrive([{ userId: 'ada', event: 'Project Created' }]);
  });

  it('typed-events.ts sends what it declares', async () => {
    const program = start('typed-events.ts', server.trackingUrl, {
      env: { NODE_OPTIONS: `--import=${import.meta.resolve('jiti/register')}` },
    });
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    await arrive([
      { event: 'Order Completed', properties: { total: 39.95 } },
      { userId: 'ada', event: 'Signed Out' },
    ]);
  });

  it('short-lived.mjs ends when its events have arrived', async () => {
    const program = start('short-lived.mjs', server.trackingUrl);
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    await arrive([{ event: 'Backup Started' }, { event: 'Backup Finished', properties: { files: 1024 } }]);
    const [first, last] = await delivered();
    expect(first!['anonymousId']).toBe(last!['anonymousId']);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'long-running.mjs ends on %s with all delivered',
    async (signal) => {
      const program = start('long-running.mjs', server.trackingUrl);
      await program.printed(/^tick 30$/m);
      program.kill(signal);
      const { stdout, ...exit } = await program.exit;
      expect(exit).toEqual(CLEAN);
      const count = Number(/^stopped after (\d+) ticks$/m.exec(stdout)![1]);
      expect(count).toBeGreaterThanOrEqual(30);
      await arrive(Array.from({ length: count }, (_, i) => ({ event: 'Tick', properties: { tick: i + 1 } })));
    },
  );
});

describe('selecting-destinations.mjs', () => {
  it('reaches those that each event names, and storage with all', async () => {
    const project = await createProject();
    const [crm, mail] = [await startReceiver(), await startReceiver()];
    await project.writeConfig(`import { defineConfig, files, webhook } from 'millrace';

export default defineConfig({
  sources: [{ id: 'shop', name: 'Shop', writeKey: 'shop-key' }],
  destinations: [
    webhook({ id: 'crm', url: '${crm.url}' }),
    webhook({ id: 'mail', url: '${mail.url}' }),
    files({ id: 'archive', dir: 'archive' }),
  ],
});
`);
    const server = await startMillrace({ mode: 'start', dir: project.dir });
    const program = start('selecting-destinations.mjs', server.trackingUrl);
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    // What is sent behind them shows that nothing more is on its way.
    await start('development.mjs', server.trackingUrl).exit;

    const behind = ['identify', 'Report Opened'];
    await vi.waitFor(async () => {
      expect(namesOf(crm.events())).toEqual(['Project Created', 'Membership Upgraded', ...behind]);
      expect(namesOf(mail.events())).toEqual(['Project Created', 'Password Changed', ...behind]);
      const all = ['Project Created', 'Membership Upgraded', 'Password Changed', ...behind];
      expect(namesOf(await project.ndjson('archive'))).toEqual(all);
    }, PATIENCE);
    await server.stop();
    await Promise.all([crm.close(), mail.close()]);
    await project.remove();
  });
});

describe('against a server that is scripted', () => {
  let receiver: Receiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const host = (): string => new URL(receiver.url).origin;
  /** Of the requests that were answered with 200. */
  const delivered = (): Event[] => receiver.events().flatMap(({ batch }) => batch as Event[]);
  const received = (count: number) =>
    vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThanOrEqual(count), PATIENCE);

  it('error-handling.mjs hears of a refused batch in all four places, and ends in peace', async () => {
    receiver.answer(400);
    expect(await start('error-handling.mjs', host()).exit).toEqual({
      code: 0,
      signal: null,
      stdout: 'failures: 1\n',
      stderr: [
        'thrown: You must pass either an "anonymousId" or a "userId".',
        'errorHandler: HTTP_400: Bad Request',
        'callback: not delivered: HTTP_400',
        '',
      ].join('\n'),
    });
    expect(receiver.requests).toHaveLength(1);
  });

  it('error-handling.mjs tries three times where the server fails', async () => {
    receiver.answer(500);
    const exit = await start('error-handling.mjs', host()).exit;
    expect(exit).toMatchObject({ code: 0, stdout: 'failures: 1\n' });
    expect(receiver.requests).toHaveLength(3);
  });

  it('short-lived.mjs fails when its events have not arrived in time', async () => {
    receiver.answer('never');
    expect(await start('short-lived.mjs', host()).exit).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^analytics: .*2 remain queued$/m) as string,
    });
  });

  it('long-running.mjs waits on SIGTERM for a slow server', async () => {
    receiver.answer('later');
    const program = start('long-running.mjs', host());
    await program.printed(/^tick 30$/m);
    await received(1);
    program.kill('SIGTERM');
    await program.printed(/^stopping$/m);
    expect(delivered()).toEqual([]);
    receiver.release();
    const { stdout, ...exit } = await program.exit;
    expect(exit).toEqual(CLEAN);
    const count = Number(/^stopped after (\d+) ticks$/m.exec(stdout)![1]);
    const ticks = delivered().map(({ properties }) => (properties as { tick: number }).tick);
    expect(ticks).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  });

  it('long-running.mjs ends with all delivered, and an error, when the program throws', async () => {
    const fault = 'setTimeout(() => { throw new Error("a bug") }, 500)';
    const program = start('long-running.mjs', host(), {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` },
    });
    const { code, stdout, stderr } = await program.exit;
    expect(code).toBe(1);
    expect(stderr).toContain('Error: a bug');
    const count = Number(/^stopped after (\d+) ticks$/m.exec(stdout)![1]);
    expect(count).toBeGreaterThan(0);
    expect(delivered()).toHaveLength(count);
  });

  it('aws-lambda.mjs has delivered when its process is frozen', async () => {
    const program = startOn('run-lambda.mjs', 'aws-lambda.mjs', host());
    for (const [index, userId] of ['ada', 'grace'].entries()) {
      program.kill('SIGCONT');
      program.write(JSON.stringify({ userId, total: 12 }));
      await program.printed(new RegExp(`^({"statusCode":200}\n){${index + 1}}`));
      await program.stopped();
      expect(delivered()).toHaveLength(index + 1);
      expect(delivered()[index]).toMatchObject({
        userId,
        event: 'Order Completed',
        properties: { total: 12 },
      });
    }
    program.kill('SIGKILL');
    expect(await program.exit).toMatchObject({ signal: 'SIGKILL', stderr: '' });
  });

  it('aws-lambda.mjs answers though the server does not, and the next call delivers both', async () => {
    receiver.answer('later');
    const program = startOn('run-lambda.mjs', 'aws-lambda.mjs', host());
    program.write(JSON.stringify({ userId: 'ada', total: 1 }));
    await program.printed(/^{"statusCode":200}\n/);
    await program.stopped();
    expect(delivered()).toEqual([]);
    receiver.release();
    program.kill('SIGCONT');
    program.write(JSON.stringify({ userId: 'grace', total: 2 }));
    await program.printed(/^({"statusCode":200}\n){2}/);
    expect(delivered()).toMatchObject([{ userId: 'ada' }, { userId: 'grace' }]);
    program.kill('SIGKILL');
    expect((await program.exit).stderr).toMatch(/^analytics: .*1 remain queued\n$/);
  });

  it('vercel.mjs answers before its event is delivered, and is kept until it is', async () => {
    receiver.answer('later');
    const order = JSON.stringify({ userId: 'ada', total: 12 });
    const program = startOn('run-vercel.mjs', 'vercel.mjs', host(), [order]);
    const [, answer] = await program.printed(/^answered (.+)\n/);
    expect(answer).toBe('200 {"ordered":true}');
    expect(delivered()).toEqual([]);
    await received(1);
    receiver.release();
    expect(await program.exit).toMatchObject({ signal: 'SIGKILL', stderr: '' });
    expect(delivered()).toMatchObject([{ userId: 'ada', event: 'Order Completed' }]);
  });
});

describe('regional-host.mjs', () => {
  it('sends to Dublin, encrypted, and to no other host', async () => {
    const dublin = await startFarHost();
    const program = start('regional-host.mjs', '', { env: dublin.env });
    expect(await program.exit).toEqual({ ...CLEAN, stdout: '' });
    expect(dublin.asked).toEqual(['events.eu1.segmentapis.com:443']);
    expect(dublin.requests).toMatchObject([
      {
        url: 'https://events.eu1.segmentapis.com/v1/batch',
        events: [{ userId: 'ada', event: 'Project Created' }],
      },
    ]);
    await dublin.close();
  });
});

describe.each(['express.mjs', 'fastify.mjs', 'hono.mjs'])('%s', (name) => {
  it('gives every call of a request its user, and delivers all on SIGTERM', async () => {
    const receiver = await startReceiver();
    const program = start(name, new URL(receiver.url).origin, { env: { PORT: '0' } });
    const [, url] = await program.printed(/^listening on (\S+)\n/);
    const order = async (user: string | undefined, total: number): Promise<number> => {
      const headers = { 'content-type': 'application/json', ...(user && { 'x-user-id': user }) };
      const answer = await fetch(`${url}/orders`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ total }),
      });
      return answer.status;
    };
    // At the same time, so that one who mixed them up would be seen.
    const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
    const statuses = await Promise.all([...users.map((user, i) => order(user, i)), order(undefined, 99)]);
    expect(new Set(statuses)).toEqual(new Set([201]));

    program.kill('SIGTERM');
    expect(await program.exit).toMatchObject(CLEAN);
    const events = receiver.events().flatMap(({ batch }) => batch as Event[]);
    expect(new Map(events.map((event) => [event['userId'], event['properties']]))).toEqual(
      new Map([...users.map((user, total) => [user, { total }] as const), ['guest', { total: 99 }]]),
    );
    expect(events).toHaveLength(users.length + 1);
    await receiver.close();
  });
});

describe('cloudflare-worker.mjs', () => {
  it('answers before its event is delivered, and lives until it is', async () => {
    const receiver = await startReceiver();
    receiver.answer('later');
    started.add('cloudflare-worker.mjs');
    const worker = await startWorker({
      modules: {
        worker: path('cloudflare-worker.mjs'),
        '@millrace/node/edge': fileURLToPath(import.meta.resolve('@millrace/node/edge')),
      },
      variables: { MILLRACE_HOST: new URL(receiver.url).origin, MILLRACE_WRITE_KEY: 'shop-key' },
    });
    const body = JSON.stringify({ userId: 'ada', total: 12 });
    const answer = await fetch(worker.url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(await answer.json()).toEqual({ ordered: true });
    expect(receiver.events()).toEqual([]);
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), PATIENCE);
    receiver.release();
    await vi.waitFor(() => expect(receiver.events()).toHaveLength(1), PATIENCE);
    expect(receiver.events()[0]).toMatchObject({
      batch: [{ userId: 'ada', event: 'Order Completed', properties: { total: 12 } }],
    });
    expect(receiver.requests[0]!.headers.authorization).toBe(`Basic ${btoa('shop-key:')}`);
    await worker.stop();
    await receiver.close();
  });
});

describe('spool.mjs', () => {
  it('delivers in its second run what a kill -9 left of the first', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'spool-'));
    const receiver = await startReceiver();
    receiver.answer('never');
    const run = (): Program =>
      start('spool.mjs', new URL(receiver.url).origin, { env: { MILLRACE_SPOOL: dir } });

    const first = run();
    await first.printed(/^1 on the disk$/m);
    first.kill('SIGKILL');
    expect(await first.exit).toMatchObject({ signal: 'SIGKILL' });
    expect(receiver.events()).toEqual([]);

    receiver.answer(200);
    expect(await run().exit).toMatchObject(CLEAN);
    const delivered = receiver.events().flatMap(({ batch }) => batch as Event[]);
    expect(namesOf(delivered)).toEqual(['Worker Started', 'Worker Started']);
    const pids = delivered.map(({ properties }) => (properties as { pid: number }).pid);
    expect(new Set(pids).size).toBe(2);
    await receiver.close();
    await rm(dir, { recursive: true });
  });
});

describe('recorder.test.mjs', () => {
  it('passes', async () => {
    const { code, stdout } = await start('recorder.test.mjs', '').exit;
    expect(stdout).toContain('# pass 2');
    expect(code).toBe(0);
  });
});

describe('examples/README.md', () => {
  const readme = readFileSync(new URL('README.md', folder), 'utf8');

  it('lists every program', () => {
    const listed = [...readme.matchAll(/\]\(([\w.-]+\.(?:mjs|ts))\)/g)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(programs));
  });

  it('lists nothing that was not run here', () => {
    expect(started).toEqual(new Set(programs));
  });
});
