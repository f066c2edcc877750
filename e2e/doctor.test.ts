import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BIN, startMillrace } from './harness/millrace.ts';

interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

function doctor(dir: string, ...args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, 'doctor', ...args], { cwd: dir }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

async function send(trackingUrl: string, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const reply = await fetch(`${trackingUrl}/v1/track`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('dev:')}` },
      body: JSON.stringify({
        userId: 'someone@example.com',
        event: 'Ordered',
        messageId: `message-${n}`,
        properties: { pad: 'x'.repeat(800) },
      }),
    });
    expect(reply.status).toBe(200);
  }
}

test('doctor finds a damaged run, rebuilds it, and the server still tells duplicates by it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-doctor-'));
  try {
    await writeFile(join(dir, 'millrace.config.json'), JSON.stringify({ log: { segmentMaxBytes: 4096 } }));
    const first = await startMillrace({ dir });
    await send(first.trackingUrl, 0, 12);

    const beside = await doctor(dir);
    expect(beside).toMatchObject({ code: 0, stderr: '' });
    expect(beside.stdout).toMatch(/^ok {15}server\.lock: server is at work$/m);
    expect(beside.stdout).toMatch(/^ok {15}log\/: 12 events/m);
    expect(beside.stdout).not.toContain('someone@example.com');
    await expect(doctor(dir, '--rebuild')).resolves.toMatchObject({
      code: 2,
      stdout: '',
      stderr: `millrace: server.lock is held by process ${first.pid}: stop the server first; nothing was changed\n`,
    });
    const dedupeDir = join(first.dataDir, 'dedupe');
    const runs = async () => (await readdir(dedupeDir)).filter((name) => name.endsWith('.run'));
    await vi.waitFor(async () => expect(await runs()).not.toEqual([]), { timeout: 20_000 });
    await first.stop();

    const [run] = await runs();
    await truncate(join(dedupeDir, run!), 5000);
    const damaged = await doctor(dir);
    expect(damaged.code).toBe(1);
    expect(damaged.stdout).toContain(
      `derived-damaged  dedupe/${run}: run ${run} is damaged: its length. To do: with the`,
    );
    const rebuilt = await doctor(dir, '--rebuild');
    expect(rebuilt).toMatchObject({ code: 0, stderr: '' });
    expect(rebuilt.stdout).toMatch(/^rebuilt {10}the run of segment 1$/m);
    expect(rebuilt.stdout).toContain('dedupe/: every sealed segment of the window has its hashes in a run');

    const second = await startMillrace({ dir });
    await send(second.trackingUrl, 0, 13);
    const after = await doctor(dir, '--json');
    const { findings } = JSON.parse(after.stdout) as { findings: { file: string; message: string }[] };
    expect(findings.find(({ file }) => file === 'log/')?.message).toMatch(/^13 events/);
    expect(after.code).toBe(0);
    await second.stop();
    await expect(doctor(dir, '--data', 'nowhere')).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no such folder') as string,
    });
  } finally {
    await rm(dir, { recursive: true });
  }
});
