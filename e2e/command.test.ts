import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configFor, createProject, type Project } from './harness/project.ts';
import { BIN, runMillrace, startMillrace } from './harness/millrace.ts';
import { startReceiver } from './harness/receiver.ts';

const run = promisify(execFile);

let project: Project;

beforeAll(async () => {
  project = await createProject();
});
afterAll(() => project.remove());

describe('millrace dev', () => {
  it('prints one ready line on stdout, and a curl line and a Node snippet that work when pasted', async () => {
    const server = await startMillrace({ dir: project.dir });
    const hint = await vi.waitFor(() => {
      const text = server.stderr();
      expect(text).toContain('analytics.flush()');
      return text;
    });
    const curl = /^curl .*$/m.exec(hint)![0];
    expect((await run('bash', ['-c', curl])).stdout).toBe('{"success":true}');
    const snippet = /^const Analytics[^]*?^analytics\.flush.*$/m.exec(hint)![0];
    expect(snippet.split('\n')).toHaveLength(5);
    expect((await run(process.execPath, ['-e', snippet], { cwd: project.dir })).stdout).toContain('sent');
    const events = await vi.waitFor(async () => {
      const response = await fetch(`${server.consoleUrl}/api/events`);
      const text = await response.text();
      expect(text).toContain('Order Completed');
      return text;
    });
    expect(events).toContain('Hello Millrace');
    const { code, stdout } = await server.stop();
    expect(code).toBe(0);
    expect(stdout).toBe(`ready tracking=${server.trackingUrl} console=${server.consoleUrl}\n`);
  });

  it('serves the page', async () => {
    const server = await startMillrace({ dir: project.dir });
    const page = await (await fetch(server.consoleUrl)).text();
    const script = /src="\.?(\/[^"]+\.js)"/.exec(page)![1]!;
    expect((await fetch(server.consoleUrl + script)).headers.get('content-type')).toMatch(/javascript/);
    await server.stop();
  });

  it('exits at once on a second signal, though a delivery is still waiting for its answer', async () => {
    const receiver = await startReceiver();
    receiver.answer('never');
    await project.writeConfig(configFor(receiver.url));
    const server = await startMillrace({ dir: project.dir, env: { MILLRACE_LOG_LEVEL: 'info' } });
    const body = JSON.stringify({ writeKey: 'shop-key', userId: 'u', event: 'E' });
    const headers = { 'content-type': 'application/json' };
    expect((await fetch(`${server.trackingUrl}/v1/track`, { method: 'POST', headers, body })).status).toBe(
      200,
    );
    await vi.waitFor(() => expect(receiver.requests).toHaveLength(1), { timeout: 10_000 });
    server.kill('SIGINT');
    await vi.waitFor(() => expect(server.stderr()).toContain('"stopping"'));
    server.kill('SIGTERM');
    expect((await server.exit).code).toBe(1);
    await receiver.close();
    await rm(join(project.dir, 'millrace.config.ts'));
  });
});

describe('SIGTERM before it is ready', () => {
  it('ends the start, though the router is waiting', async () => {
    await writeFile(
      join(project.dir, 'waits.mjs'),
      `// Only the router has a channel to a parent.
       if (process.send) {
         process.stderr.write('router waits');
         await new Promise((resolve) => setTimeout(resolve, 600_000));
       }
       export default { sources: [{ id: 'shop', name: 'Shop', writeKey: 'shop-key' }] };`,
    );
    const child = spawn(
      process.execPath,
      [BIN, 'start', '--port', '0', '--console-port', '0', '--config', 'waits.mjs'],
      { cwd: project.dir, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = once(child, 'exit');
    await vi.waitFor(() => expect(stderr).toContain('router waits'), { timeout: 20_000 });
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  }, 30_000);
});

async function refusal(options: { mode?: 'dev' | 'start'; args?: string[]; env?: Record<string, string> }) {
  const { code, stdout, stderr } = await runMillrace({ dir: project.dir, ...options });
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  return stderr;
}

describe('one clear line and exit 1', () => {
  it.each(['--port', '--console-port'])('a taken port (%s)', async (flag) => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const { port } = blocker.address() as AddressInfo;
    expect(await refusal({ args: [flag, String(port)] })).toMatch(
      new RegExp(`^millrace: ${flag} ${port}: .*already in use`),
    );
    blocker.close();
  });

  it('a port that is none', async () => {
    expect(await refusal({ args: ['--port', '70000'] })).toMatch(
      /--port.*expected a whole number from 0 to 65535/,
    );
  });

  it('a data folder that cannot be written', async () => {
    await writeFile(join(project.dir, 'in-the-way'), '');
    expect(await refusal({ args: ['--data', 'in-the-way/data'] })).toMatch(
      /^millrace: --data .*in-the-way\/data: /,
    );
  });

  it.each([
    ['a log that is no folder', 'log', /--data .*\/log: cannot be used: EEXIST/],
    ['a ledger that is no database', 'ledger.db', /ledger\.db: the file is no SQLite database/],
    [
      'a lock that is no database',
      'server.lock',
      /--data .*: cannot be used: the file is no SQLite database/,
    ],
  ])('%s', async (_, name, words) => {
    const data = join(project.dir, `odd-${name}`);
    await mkdir(data);
    await writeFile(join(data, name), 'x'.repeat(8_192));
    expect(await refusal({ args: ['--data', data], env: { MILLRACE_LOG_LEVEL: 'silent' } })).toMatch(words);
  });

  it('a data folder that another server has', async () => {
    const server = await startMillrace({ dir: project.dir });
    expect(await refusal({})).toMatch(new RegExp(`^millrace: .*process ${server.pid}`));
    await server.stop();
  });

  it('a config that does not exist', async () => {
    expect(await refusal({ args: ['--config', 'absent.ts'] })).toMatch(/absent\.ts: there is no such file/);
  });

  it('start without sources', async () => {
    expect(await refusal({ mode: 'start' })).toMatch(/needs at least one source/);
  });

  it('a wide Tracking API without sources', async () => {
    expect(await refusal({ args: ['--host', '0.0.0.0'] })).toMatch(/needs configured sources/);
  });

  it('a wide console without a token', async () => {
    expect(await refusal({ args: ['--console-host', '0.0.0.0'] })).toMatch(/needs MILLRACE_CONSOLE_TOKEN/);
  });

  it('a log level that is none', async () => {
    expect(await refusal({ env: { MILLRACE_LOG_LEVEL: 'loud' } })).toMatch(
      /^millrace: MILLRACE_LOG_LEVEL: expected one of silent, .*, got "loud"/,
    );
  });

  it('a short console token', async () => {
    expect(await refusal({ env: { MILLRACE_CONSOLE_TOKEN: 'short' } })).toMatch(
      /at least 32 characters, got 5/,
    );
  });
});

describe('a config with mistakes', () => {
  it('names each with path, expected and found', async () => {
    const file = join(project.dir, 'mistakes.json');
    await writeFile(
      file,
      JSON.stringify({ sources: [{ id: 'A', name: 'a' }], destinations: [{ kind: 'fax', id: 'f' }] }),
    );
    const { code, stderr } = await runMillrace({ dir: project.dir, args: ['--config', 'mistakes.json'] });
    expect(code).toBe(1);
    expect(stderr).toMatch(/mistakes\.json: sources\[0\]\.id: expected .* got "A"/);
    expect(stderr).toMatch(/mistakes\.json: sources\[0\]\.writeKey: expected .* got nothing/);
    expect(stderr).toMatch(/mistakes\.json: destinations\[0\]\.kind: expected .* got "fax"/);
  });
});

describe('millrace start', () => {
  it('finds millrace.config.ts in the working folder, which imports millrace', async () => {
    const receiver = await startReceiver();
    await project.writeConfig(configFor(receiver.url));
    const server = await startMillrace({ mode: 'start', dir: project.dir });
    const status = (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as object;
    expect(JSON.stringify(status)).toContain('"hook"');
    expect(JSON.stringify(status)).not.toContain('shop-key');
    expect((await server.stop()).code).toBe(0);
    await receiver.close();
  });

  it('answers the console with a token only to who has it', async () => {
    const token = 'console-token-of-thirty-two-chars-or-more';
    const server = await startMillrace({
      mode: 'start',
      dir: project.dir,
      args: ['--console-host', '0.0.0.0'],
      env: { MILLRACE_CONSOLE_TOKEN: token },
    });
    expect((await fetch(server.consoleUrl)).status).toBe(401);
    expect((await fetch(`${server.consoleUrl}/api/status`)).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${server.consoleUrl}/api/status`, { headers })).status).toBe(200);
    expect(server.stderr()).not.toContain(token);
    await server.stop();
  });
});
