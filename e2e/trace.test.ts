import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { BIN, startMillrace } from './harness/millrace.ts';

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

function trace(dir: string, args: string[], env: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const options = { cwd: dir, env: { ...process.env, ...env } };
    execFile(process.execPath, [BIN, 'trace', ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

test('an event is traced by the running server, and by the files once it has stopped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-trace-'));
  const vendor = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(vendor, 'listening');
  const url = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/`;
  const token = 'a-token-of-at-least-32-characters';
  try {
    await writeFile(
      join(dir, 'millrace.config.json'),
      JSON.stringify({ destinations: [{ kind: 'webhook', id: 'hook', settings: { url } }] }),
    );
    const server = await startMillrace({ dir, env: { MILLRACE_CONSOLE_TOKEN: token } });
    const send = async () => {
      const reply = await fetch(`${server.trackingUrl}/v1/track`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('dev:')}` },
        body: JSON.stringify({ userId: 'u', event: 'Ordered', messageId: 'the/one' }),
      });
      expect(reply.status).toBe(200);
    };
    await send();
    await send();
    const delivered = {
      destinationId: 'hook',
      decision: { kind: 'delivered' },
      attempts: [{ code: 'delivered', eventCount: 1 }],
    };
    const env = { MILLRACE_CONSOLE_TOKEN: token };
    await vi.waitFor(
      async () => {
        const { code, stdout } = await trace(dir, ['the/one', '--json'], env);
        expect(code).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject({
          events: [{ destinations: [delivered] }],
          duplicates: [{}],
        });
      },
      { timeout: 20_000 },
    );
    expect(await trace(dir, ['the/one'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('401') as string,
    });
    expect((await trace(dir, ['none'], env)).code).toBe(1);
    await server.stop();

    const offline = await trace(dir, ['the/one', '--json']);
    expect(JSON.parse(offline.stdout)).toMatchObject({
      events: [{ destinations: [delivered] }],
      duplicates: [{}],
    });
    const words = await trace(dir, ['the/one']);
    expect(words.stdout).toMatch(/received from source-[^]*hook: delivered\n.* delivered after \d+ ms/);
    expect(await trace(dir, ['none'])).toMatchObject({ code: 1, stdout: '' });
  } finally {
    vendor.close();
    await rm(dir, { recursive: true });
  }
});
