import { execFile } from 'node:child_process';
import { cp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { BIN, startMillrace, type Millrace } from './harness/millrace.ts';
import { createProject } from './harness/project.ts';
import { startReceiver } from './harness/receiver.ts';

const SENDER_COUNT = 3;
const BATCH_COUNT = 20;
const BACKUP_COUNT = 3;

/** Segments are closed all the time, also while they are copied. */
const config = (url: string): string => `import { defineConfig, files, webhook } from 'millrace';

export default defineConfig({
  sources: [{ id: 'shop', name: 'Shop', writeKey: 'shop-key' }],
  log: { segmentMaxBytes: 65536 },
  destinations: [webhook({ id: 'hook', url: '${url}' }), files({ id: 'disk', dir: 'events' })],
});
`;

function backUp(dir: string, to: string): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, 'backup', to], { cwd: dir }, (error, _, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stderr }),
    );
  });
}

async function send(server: Millrace, userId: string, ids: readonly string[]): Promise<void> {
  const batch = ids.map((messageId) => ({ type: 'track', userId, event: 'Load', messageId }));
  const response = await fetch(`${server.trackingUrl}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ writeKey: 'shop-key', batch }),
  });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
}

/** Sends until it is stopped; remembers in order what was answered 200. */
function load(server: Millrace) {
  const answered: string[] = [];
  const stopping = new AbortController();
  const sender = async (name: number): Promise<void> => {
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const ids = Array.from({ length: BATCH_COUNT }, (_, index) => `${name}-${n}-${index}`);
      await send(server, `u-${name}`, ids);
      answered.push(...ids);
    }
  };
  const done = Promise.all(Array.from({ length: SENDER_COUNT }, (_, name) => sender(name)));
  return {
    answered,
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

test('a copy that was taken under load starts, and nothing that was answered before is lost', async () => {
  const receiver = await startReceiver();
  const project = await createProject();
  let server: Millrace | undefined;
  try {
    await project.writeConfig(config(receiver.url));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    const traffic = load(server);
    const enough = (more: number) => {
      const from = traffic.answered.length;
      return vi.waitFor(() => expect(traffic.answered.length).toBeGreaterThan(from + more), {
        timeout: 30_000,
      });
    };
    await vi.waitFor(() => expect(receiver.events().length).toBeGreaterThan(100), { timeout: 20_000 });
    const backups: { name: string; before: string[] }[] = [];
    for (let n = 1; n <= BACKUP_COUNT; n += 1) {
      await enough(500);
      // From the second on one destination has events pending, and events that it has not got to.
      if (n > 1) receiver.answer(503);
      const before = [...traffic.answered];
      const name = `backup-${n}`;
      await expect(backUp(project.dir, name)).resolves.toEqual({ code: 0, stderr: '' });
      // The files of a destination are copied after the ledger, which says how far they are good.
      await cp(join(project.dir, 'events'), join(project.dir, `events-${n}`), { recursive: true });
      backups.push({ name, before });
    }
    await expect(backUp(project.dir, 'backup-1')).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('exists already') as string,
    });
    expect((await readdir(project.dir)).filter((name) => name.includes('partial'))).toEqual([]);
    await traffic.stop();
    server.kill('SIGKILL');
    await server.exit;
    const gotByFirst = receiver.events().map((event) => String(event['messageId']));

    receiver.answer(200);
    for (const { name, before } of backups) {
      expect(await readdir(join(project.dir, name))).toEqual(['ledger.db', 'log', 'refused.db']);
      const segments = await readdir(join(project.dir, name, 'log'));
      await rm(join(project.dir, '.millrace'), { recursive: true });
      await rename(join(project.dir, name), join(project.dir, '.millrace'));
      await rm(join(project.dir, 'events'), { recursive: true });
      await rename(join(project.dir, name.replace('backup', 'events')), join(project.dir, 'events'));
      const known = receiver.events().length;
      server = await startMillrace({ mode: 'start', dir: project.dir });
      // A destination whose cursor lies behind the end of the copied log would be stopped.
      const wanted = [...before, `after ${name}`];
      await send(server, 'u-after', [`after ${name}`]);
      const sent = () =>
        receiver
          .events()
          .slice(known)
          .map((event) => String(event['messageId']));
      await vi.waitFor(
        async () => {
          const had = new Set([...gotByFirst, ...sent()]);
          expect(wanted.filter((id) => !had.has(id))).toEqual([]);
          const inFiles = new Set((await project.ndjson('events')).map((event) => event['messageId']));
          expect(wanted.filter((id) => !inFiles.has(id))).toEqual([]);
        },
        { timeout: 40_000, interval: 250 },
      );
      await server.stop();
      // A file has each event once; the vendor gets again what was delivered behind the copy of the ledger.
      const lines = (await project.ndjson('events')).map((event) => event['messageId']);
      expect(new Set(lines).size).toBe(lines.length);
      const again = sent().filter((id) => gotByFirst.includes(id));
      expect(new Set(sent()).size).toBe(sent().length);
      process.stdout.write(
        `${name}: ${before.length} answered before, ${segments.length} segments, ${again.length} delivered again\n`,
      );
    }
  } finally {
    await server?.stop();
    await receiver.close();
    await project.remove();
  }
});
