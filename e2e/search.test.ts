import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BIN, startMillrace } from './harness/millrace.ts';

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

function search(dir: string, args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, 'search', ...args], { cwd: dir }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

function idsIn({ stdout }: Answer): string[] {
  const lines = stdout.trim().split('\n').filter(Boolean);
  return lines.map((line) => {
    const { json } = JSON.parse(line) as { json: string };
    return (JSON.parse(json) as { messageId: string }).messageId;
  });
}

test('events are found by the running server, sealed or not, and in the files once it has stopped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-search-'));
  try {
    await writeFile(
      join(dir, 'millrace.config.json'),
      JSON.stringify({ log: { segmentMaxBytes: 64 * 1024 } }),
    );
    const server = await startMillrace({ dir });
    const send = async (event: object) => {
      const reply = await fetch(`${server.trackingUrl}/v1/track`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('dev:')}` },
        body: JSON.stringify(event),
      });
      expect(reply.status).toBe(200);
    };
    const filler = 'x'.repeat(500);
    await send({ userId: 'ann', event: 'Order Placed', messageId: 'first', properties: { colour: 'teal' } });
    for (let i = 0; i < 560; i += 8)
      await Promise.all(
        Array.from({ length: 8 }, (_, k) =>
          send({ userId: 'bob', event: 'Filler', messageId: `f${i + k}`, properties: { filler } }),
        ),
      );
    await send({ userId: 'ann', event: 'Order Placed', messageId: 'last' });
    // The first segment is sealed, and the router makes its index within seconds.
    await vi.waitFor(
      async () => expect(await readdir(join(server.dataDir, 'index'))).toContain('0-000000000000000.db'),
      { timeout: 20_000, interval: 200 },
    );

    const look = async () => {
      const byUser = await search(dir, ['--user', 'ann', '--json']);
      expect(byUser).toMatchObject({ code: 0, stderr: '' });
      expect(idsIn(byUser)).toEqual(['last', 'first']);
      expect(idsIn(await search(dir, ['--event', 'Order Placed', '--limit', '1', '--json']))).toEqual([
        'last',
      ]);
      expect(idsIn(await search(dir, ['--text', '"colour":"teal"', '--json']))).toEqual(['first']);
      expect(idsIn(await search(dir, ['--text', 'teal', '--json']))).toEqual(['first']);
      // More than one answer holds.
      expect(idsIn(await search(dir, ['--user', 'bob', '--limit', '300', '--json']))).toHaveLength(300);
      expect(await search(dir, ['--user', 'nobody'])).toMatchObject({ code: 1, stdout: '' });
      expect((await search(dir, ['--user', 'ann'])).stdout).toMatch(
        /track {2}"Order Placed" {2}ann {2}last\n/,
      );
    };
    await look();
    await server.stop();
    await look();
    expect(await search(dir, ['--from', 'yesterday'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('expected a time') as string,
    });
  } finally {
    await rm(dir, { recursive: true });
  }
}, 90_000);
