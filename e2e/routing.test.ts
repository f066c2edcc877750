import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { createProject, type Project } from './harness/project.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const run = promisify(execFile);
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const page = readFileSync(new URL('../docs/destinations.md', import.meta.url), 'utf8');
const [, documented] = /```ts\n(\/\/ millrace\.config\.ts\n[^]*?)```/.exec(page)!;

let project: Project;
let crm: Receiver;
let heatmap: Receiver;
let server: Millrace;

beforeAll(async () => {
  [project, crm, heatmap] = await Promise.all([createProject(), startReceiver(), startReceiver()]);
});
afterAll(async () => {
  await Promise.all([project.remove(), crm.close(), heatmap.close()]);
});

async function send(batch: Record<string, unknown>[]): Promise<void> {
  const reply = await fetch(`${server.trackingUrl}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('dev:')}` },
    body: JSON.stringify({ batch }),
  });
  expect(reply.status).toBe(200);
}

/** What became of an event at a destination, by the console's API: `delivered`, or its code. */
async function outcomeOf(messageId: string, destinationId: string): Promise<string> {
  const reply = await fetch(`${server.consoleUrl}/api/trace/${messageId}`);
  const { events } = (await reply.json()) as {
    events: { destinations: { destinationId: string; decision: { kind: string; code?: string } }[] }[];
  };
  const decision = events[0]?.destinations.find((each) => each.destinationId === destinationId)?.decision;
  return decision?.code ?? decision?.kind ?? 'unknown';
}

async function eventually(expected: Record<string, Record<string, string>>): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const [messageId, outcomes] of Object.entries(expected)) {
        for (const [destinationId, outcome] of Object.entries(outcomes)) {
          expect([messageId, destinationId, await outcomeOf(messageId, destinationId)]).toEqual([
            messageId,
            destinationId,
            outcome,
          ]);
        }
      }
    },
    { timeout: 20_000 },
  );
}

/** The same at both webhooks. */
const both = (code: string): Record<string, string> => ({ crm: code, sampled: code, archive: 'delivered' });
const ids = (receiver: Receiver): unknown[] => receiver.events().map(({ messageId }) => messageId);

describe('the config of docs/destinations.md', () => {
  it('compiles in strict mode', async () => {
    await project.writeConfig(documented!);
    const compilerOptions = {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    };
    await writeFile(
      join(project.dir, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['millrace.config.ts'] }),
    );
    const said = await run(process.execPath, [TSC, '--pretty', 'false'], { cwd: project.dir }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    expect(said).toBe('');
  });

  it('gives each destination what its filters and its transform leave, and each event its code', async () => {
    await project.writeConfig(
      documented!
        .replace('https://crm.example.com/events', crm.url)
        .replace('https://heatmap.example.com/events', heatmap.url),
    );
    server = await startMillrace({ dir: project.dir });
    const track = { type: 'track', event: 'Ordered', userId: 'ada' };
    await send([
      {
        ...track,
        messageId: 'order',
        properties: { card: { number: '4111', kind: 'visa' }, depth: 3, total: 9 },
        context: { ip: '10.0.0.1', locale: 'en' },
      },
      { ...track, messageId: 'beat', event: 'Heartbeat' },
      { ...track, messageId: 'bot', context: { userAgent: 'a bot of sorts' } },
      { ...track, messageId: 'page', type: 'page', name: 'Home' },
      { ...track, messageId: 'own', userId: 'internal' },
      { ...track, messageId: 'staff', userId: 'eve@example.com' },
      {
        ...track,
        messageId: 'past',
        timestamp: '2020-01-01T00:00:00.000Z',
        sentAt: new Date().toISOString(),
      },
      { ...track, messageId: 'blocked', integrations: { crm: false, All: true } },
      { ...track, messageId: 'bundled', _metadata: { bundled: ['Webhook'] } },
      ...Array.from({ length: 40 }, (_, i) => ({
        ...track,
        messageId: `s${i}`,
        event: 'Scrolled',
        userId: `u${i}`,
      })),
      ...Array.from({ length: 40 }, (_, i) => ({
        ...track,
        messageId: `t${i}`,
        event: 'Scrolled',
        userId: `u${i}`,
      })),
    ]);
    await eventually({
      order: both('delivered'),
      beat: { ...both('delivered'), crm: 'FILTERED_BY_RULES' },
      bot: { crm: 'FILTERED_BY_RULES', sampled: 'delivered' },
      page: { crm: 'FILTERED_BY_RULES', sampled: 'delivered' },
      own: { crm: 'FILTERED_BY_TRANSFORM', sampled: 'delivered' },
      staff: { crm: 'delivered', sampled: 'FILTERED_BY_RULES' },
      past: { crm: 'TOO_OLD_FOR_DESTINATION', sampled: 'delivered' },
      blocked: { ...both('delivered'), crm: 'FILTERED_BY_INTEGRATIONS_OBJECT' },
      bundled: both('MESSAGE_SENT_CLIENT_SIDE'),
      t39: { crm: 'delivered', archive: 'delivered' },
    });

    const atCrm = crm.events().find(({ messageId }) => messageId === 'order');
    expect(atCrm).toMatchObject({
      properties: { card: { kind: 'visa' }, depth: 3, total: 9, plan: 'pro' },
      context: { locale: 'en' },
    });
    expect(JSON.stringify(crm.events())).not.toMatch(/4111|10\.0\.0\.1/);
    const atHeatmap = heatmap.events().find(({ messageId }) => messageId === 'order');
    expect(atHeatmap).toMatchObject({ properties: { depth: 3 }, context: { locale: 'en', ip: '10.0.0.1' } });
    expect(Object.keys(atHeatmap?.['properties'] as object)).toEqual(['depth']);
    const atFiles = await project.ndjson('events');
    expect(atFiles).toHaveLength(89);
    expect(atFiles.find(({ messageId }) => messageId === 'order')).toMatchObject({
      properties: { card: { number: '4111', kind: 'visa' }, total: 9 },
    });

    // All of a user's events or none.
    await vi.waitFor(async () => expect(await outcomeOf('t39', 'sampled')).toMatch(/^delivered$|SAMPLING/));
    const sampled = ids(heatmap).filter((id) => /^[st]\d/.test(String(id))) as string[];
    const usersOf = (run: string): string[] =>
      sampled
        .filter((id) => id.startsWith(run))
        .map((id) => id.slice(1))
        .toSorted();
    expect(usersOf('s')).toEqual(usersOf('t'));
    expect(usersOf('s').length).toBeLessThan(20);
    const status = (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as {
      destinations: { id: string; filtered: Record<string, number> }[];
    };
    expect(status.destinations.find(({ id }) => id === 'sampled')?.filtered).toEqual({
      FILTERED_BY_SAMPLING: 80 - sampled.length,
      FILTERED_BY_RULES: 1,
      MESSAGE_SENT_CLIENT_SIDE: 1,
    });
    await server.stop();
  });

  it('may be changed: a new destination starts where it says, and a transform that fails costs its event alone', async () => {
    await project.writeConfig(`
      import { defineConfig, webhook } from 'millrace';
      export default defineConfig({
        destinations: [
          webhook({
            id: 'again',
            url: '${crm.url}',
            start: 'earliest',
            filters: [{ action: 'only', when: 'messageId in ["order", "beat", "staff"] or userId = "new"' }],
            transformTimeoutMs: 50,
            transform(event) {
              if (event.messageId === 'beat') throw new Error('a secret of ' + event.userId);
              if (event.messageId === 'staff') return new Promise(() => {});
              return { ...event, event: 'Again' };
            },
          }),
          webhook({ id: 'from-now', url: '${heatmap.url}' }),
        ],
      });
    `);
    const before = heatmap.requests.length;
    server = await startMillrace({ dir: project.dir });
    await send([{ type: 'track', event: 'Late', userId: 'new', messageId: 'late' }]);
    await eventually({
      order: { again: 'delivered' },
      beat: { again: 'TRANSFORM_FAILED' },
      staff: { again: 'TRANSFORM_FAILED' },
      bot: { again: 'FILTERED_BY_RULES' },
      late: { again: 'delivered', 'from-now': 'delivered' },
    });
    const again = crm.events().filter(({ event }) => event === 'Again');
    expect(again.map(({ messageId }) => messageId)).toEqual(['order', 'late']);
    expect(
      heatmap.requests.slice(before).map(({ body }) => (body as { messageId: string }).messageId),
    ).toEqual(['late']);
    expect(server.stderr()).toContain('TRANSFORM_FAILED');
    expect(server.stderr()).toContain('TransformTimeout');
    expect(server.stderr()).not.toContain('a secret of');
    await server.stop();
  });

  it('names what is wrong with it', async () => {
    await project.writeConfig(documented!.replace('event = "Heartbeat"', 'event == "Heartbeat"'));
    await expect(startMillrace({ dir: project.dir })).rejects.toThrow(
      /destinations\[0\]\.filters\[1\]\.when: expected FQL \(expected a field, a value or a function, got "=" at character 8\)/,
    );
  });
});
