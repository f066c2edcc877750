import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TIMEOUT_MS = 20_000;

const REQUIRED = `
  const Analytics = require('@millrace/node');
  const edge = require('@millrace/node/edge');
  const { createRecorder } = require('@millrace/node/testing');
  const { analytics, expectTracked } = createRecorder();
  if (!(analytics instanceof Analytics)) throw new Error('the recorder has a class of its own');
  analytics.track({ userId: 'u', event: 'Recorded' });
  expectTracked('Recorded');
  new edge('KEY', { enable: false }).track({ userId: 'u', event: 'Not sent' });
  new Analytics('KEY', { host: process.argv[2] }).track({ userId: 'u', event: 'Required' });
`;
const IMPORTED = `
  import Analytics, { Analytics as named } from '@millrace/node';
  import '@millrace/node/edge';
  import { createRecorder } from '@millrace/node/testing';
  if (!(createRecorder().analytics instanceof Analytics)) throw new Error('the recorder has a class of its own');
  if (named !== Analytics) throw new Error('two classes');
  new Analytics('KEY', { host: process.argv[2] }).track({ userId: 'u', event: 'Imported' });
`;

/**
 * The library as it is published, installed on its own: required and imported by a program that tracks one
 * event and ends. Needs the build.
 * @param {string} folder Empty; for the tarball and the programs.
 * @returns {Promise<(node: string) => Promise<string | undefined>>} What goes wrong on the Node of this path.
 */
export async function libraryCheck(folder) {
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--pack-destination', folder, '--workspace', 'packages/node'],
    {
      cwd: ROOT,
    },
  );
  const [{ filename }] = JSON.parse(stdout);
  const installed = join(folder, 'node_modules/@millrace/node');
  await mkdir(installed, { recursive: true });
  // What npm would do with a package without dependencies.
  await run('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components', '1']);
  await writeFile(join(folder, 'required.cjs'), REQUIRED);
  await writeFile(join(folder, 'imported.mjs'), IMPORTED);
  return async (node) => {
    const events = [];
    const answer = async (request, response) => {
      const { batch } = await json(request);
      events.push(...batch.map(({ event, _metadata }) => `${event} on ${_metadata.nodeVersion}`));
      response.end('{"success":true}');
    };
    const server = createServer()
      .on('request', (...exchange) => void answer(...exchange))
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${server.address().port}`;
    try {
      const version = (await run(node, ['-p', 'process.versions.node'])).stdout.trim();
      for (const program of ['required.cjs', 'imported.mjs']) {
        const { stdout, stderr } = await run(node, [join(folder, program), url], { timeout: TIMEOUT_MS });
        if (stdout + stderr !== '') return `${program} said ${stdout}${stderr}`;
      }
      const wanted = `Required on ${version},Imported on ${version}`;
      return String(events) === wanted ? undefined : `delivered ${String(events)}, not ${wanted}`;
    } catch (error) {
      return error.message;
    } finally {
      server.close();
      server.closeAllConnections();
    }
  };
}
