import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { createProject, type Project } from './harness/project.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const WAIT = { timeout: 20_000, interval: 20 };

let project: Project;
let receiver: Receiver;
let other: Receiver;
let server: Millrace;

beforeEach(async () => {
  project = await createProject();
  receiver = await startReceiver();
  other = await startReceiver();
});

afterEach(async () => {
  await server.stop();
  await Promise.all([receiver.close(), other.close()]);
  await project.remove();
});

function config(writeKeys: string[], hooks: Record<string, string>): string {
  const sources = writeKeys.map((key) => `{ id: '${key}', name: '${key}', writeKey: '${key}-key' }`);
  const destinations = Object.entries(hooks).map(([id, url]) => `webhook({ id: '${id}', url: '${url}' })`);
  return `import { defineConfig, webhook } from 'millrace';
export default defineConfig({ sources: [${sources.join(', ')}], destinations: [${destinations.join(', ')}] });
`;
}

async function send(messageId: string, writeKey = 'shop-key'): Promise<number> {
  const response = await fetch(`${server.trackingUrl}/v1/track`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ writeKey, type: 'track', event: 'Reload', userId: messageId, messageId }),
  });
  await response.arrayBuffer();
  return response.status;
}

function ids(at: Receiver): unknown[] {
  return at.events().map(({ messageId }) => messageId);
}

async function status(): Promise<{
  configFault?: string;
  destinations: { id: string; state: string }[];
  router: { state: string };
}> {
  return (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as Awaited<
    ReturnType<typeof status>
  >;
}

async function runs(...destinationIds: string[]): Promise<void> {
  await vi.waitFor(async () => {
    const { destinations, router } = await status();
    expect(router.state).toBe('running');
    expect(destinations.map(({ id, state }) => `${id} ${state}`)).toEqual(
      destinationIds.map((id) => `${id} running`),
    );
  }, WAIT);
}

describe('SIGHUP', () => {
  it('under load loses no event, sends none twice, and leaves no request unanswered', async () => {
    await project.writeConfig(config(['shop'], { hook: receiver.url }));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    const routerBefore = await server.routerPid();
    const stopping = new AbortController();
    const answers: number[] = [];
    const sender = async (name: number): Promise<void> => {
      for (let n = 0; !stopping.signal.aborted; n += 1) answers.push(await send(`${name}-${n}`));
    };
    const senders = Promise.all([sender(1), sender(2)]);
    await vi.waitFor(() => expect(ids(receiver).length).toBeGreaterThan(20), WAIT);

    await project.writeConfig(config(['shop'], { hook: receiver.url, second: other.url }));
    server.kill('SIGHUP');
    await runs('hook', 'second');
    expect(await server.routerPid()).not.toBe(routerBefore);
    await vi.waitFor(() => expect(ids(other).length).toBeGreaterThan(20), WAIT);
    stopping.abort();
    await senders;

    expect(answers.filter((answer) => answer !== 200)).toEqual([]);
    await vi.waitFor(() => expect(new Set(ids(receiver)).size).toBe(answers.length), WAIT);
    expect(ids(receiver)).toHaveLength(answers.length);
    // The new one starts where the log ended when it came.
    expect(ids(other).length).toBeLessThan(answers.length);
    expect(new Set(ids(other)).size).toBe(ids(other).length);
  });

  it('keeps the config that runs when the new one cannot be used, says why, and takes the next one', async () => {
    await project.writeConfig(config(['shop'], { hook: receiver.url }));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    const routerBefore = await server.routerPid();
    const bad: [string, RegExp][] = [
      ['export default { destinations: 3 }', /destinations: .*expected array, got 3/],
      ['throw new Error("no such variable")', /no such variable/],
      ['process.exit(7)', /ended with code 7/],
      ['export default {}', /needs at least one source/],
    ];
    for (const [text, words] of bad) {
      await project.writeConfig(text);
      server.kill('SIGHUP');
      await vi.waitFor(async () => expect((await status()).configFault).toMatch(words), WAIT);
      expect(await server.routerPid()).toBe(routerBefore);
    }
    expect(server.stderr()).toMatch(/the config was not reloaded/);
    expect(await send('still-here')).toBe(200);
    await vi.waitFor(() => expect(ids(receiver)).toEqual(['still-here']), WAIT);

    await project.writeConfig(config(['shop'], { hook: receiver.url, second: other.url }));
    server.kill('SIGHUP');
    await runs('hook', 'second');
    expect((await status()).configFault).toBeUndefined();
  });

  it('changes write keys; a destination that is removed finishes its request, and goes on where it was when it comes back', async () => {
    await project.writeConfig(config(['shop'], { hook: receiver.url }));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    receiver.answer('later');
    await send('in-flight');
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), WAIT);

    await project.writeConfig(config(['shop', 'web'], { second: other.url }));
    server.kill('SIGHUP');
    await vi.waitFor(async () => expect(await send('web-1', 'web-key')).toBe(200), WAIT);
    receiver.release();
    await runs('second');
    expect(ids(receiver)).toEqual(['in-flight']);
    expect(await send('meanwhile')).toBe(200);

    await project.writeConfig(config(['web'], { hook: receiver.url, second: other.url }));
    server.kill('SIGHUP');
    await runs('hook', 'second');
    expect(await send('too-late', 'shop-key')).toBe(401);
    await vi.waitFor(() => expect(ids(receiver)).toEqual(['in-flight', 'web-1', 'meanwhile']), WAIT);
  });
});

describe('dev', () => {
  it('reloads by itself when the config file changes', async () => {
    await project.writeConfig(config(['shop'], { hook: receiver.url }));
    server = await startMillrace({ mode: 'dev', dir: project.dir });
    await project.writeConfig('export default { destinations: 3 }');
    await vi.waitFor(async () => expect((await status()).configFault).toMatch(/got 3/), WAIT);
    await writeFile(
      join(project.dir, 'millrace.config.ts'),
      config(['shop'], { hook: receiver.url, second: other.url }),
    );
    await runs('hook', 'second');
    expect(await send('after')).toBe(200);
    await vi.waitFor(() => expect([ids(receiver), ids(other)]).toEqual([['after'], ['after']]), WAIT);
  });
});
