import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';

const run = promisify(execFile);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.stdout.write('skipped: the Python example of the README, no python3 found\n');

/** The first code block of a language that holds a text, pointed at the server under test. */
function example(language: string, containing: string): string {
  const blocks = [...readme.matchAll(/^```(\w+)\n([^]*?)^```$/gm)];
  const block = blocks.find(([, name, code]) => name === language && code!.includes(containing));
  return block![2]!.replaceAll('http://127.0.0.1:3700', server.trackingUrl);
}

let project: Project;
let server: Millrace;

beforeAll(async () => {
  project = await createProject();
  server = await startMillrace({ dir: project.dir });
});
afterAll(async () => {
  await server.stop();
  await project.remove();
});

async function received(): Promise<{ type: string; sourceId: string }[]> {
  const { events } = (await (await fetch(`${server.consoleUrl}/api/events`)).json()) as {
    events: { json: string; sourceId: string }[];
  };
  return events.map(({ json, sourceId }) => ({ ...(JSON.parse(json) as { type: string }), sourceId }));
}

describe('the README', () => {
  it('has a curl line that works', async () => {
    const { stdout } = await run('bash', ['-c', example('sh', 'curl')]);
    expect(stdout).toBe('{"success":true}');
  });

  it.runIf(hasPython)('has a Python example that works', async () => {
    const { stdout } = await run('python3', ['-c', example('python', 'urllib')]);
    expect(stdout).toBe('{"success":true}\n');
  });

  it('has an example of the library that sends all six calls', async () => {
    await run(process.execPath, ['-e', example('js', 'errorHandler')], { cwd: project.dir });
    await vi.waitFor(async () => {
      const types = (await received()).map(({ type }) => type);
      expect(new Set(types)).toEqual(new Set(['identify', 'track', 'page', 'screen', 'group', 'alias']));
    });
  });

  it('has a config that starts', async () => {
    const configured = await createProject();
    await configured.writeConfig(example('ts', 'defineConfig'));
    const other = await startMillrace({ mode: 'start', dir: configured.dir });
    const status = await (await fetch(`${other.consoleUrl}/api/status`)).text();
    expect(status).toContain('"crm"');
    await other.stop();
    await configured.remove();
  });
});
