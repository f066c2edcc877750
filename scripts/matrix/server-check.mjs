import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../packages/server/bin/millrace.js', import.meta.url));
const TIMEOUT_MS = 60_000;

/** What Node and our logger say on stderr when something is not as it should be. */
const TROUBLE = /^(?:\(node:\d+\)|\{|\s+at ).*|.*(?:Warning|Error):.*/gm;

/**
 * One event through the built server on a given Node: in by the Tracking API, seen in the console, out
 * by a webhook, and a stop that exits 0. A word on stderr besides the welcome is a failure too.
 * @param {string} node Path of the binary.
 * @param {string} folder Empty; for the config and the data.
 * @returns {Promise<string | undefined>} What went wrong.
 */
export async function checkServer(node, folder) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const vendor = createServer().listen(0, '127.0.0.1');
  await once(vendor, 'listening', { signal });
  const delivery = received(vendor, signal);
  // It is awaited last, and by then something else may have gone wrong.
  delivery.catch(() => undefined);
  const url = `http://127.0.0.1:${vendor.address().port}`;
  const config = { destinations: [{ kind: 'webhook', id: 'hook', settings: { url } }] };
  await writeFile(join(folder, 'millrace.config.json'), JSON.stringify(config));

  const server = spawn(node, [BIN, 'dev', '--port', '0', '--console-port', '0'], { cwd: folder });
  let [stdout, stderr] = ['', ''];
  server.stderr.on('data', (chunk) => (stderr += chunk));
  const exit = once(server, 'close');
  try {
    const ready = new Promise((resolve, reject) => {
      server.stdout.on('data', (chunk) => {
        stdout += chunk;
        const line = /^ready tracking=(\S+) console=(\S+)$/m.exec(stdout);
        if (line) resolve(line);
      });
      void exit.then(([code]) => reject(new Error(`it ended with ${code}`)));
      signal.addEventListener('abort', () => reject(new Error('it never became ready')));
    });
    const [, trackingUrl, consoleUrl] = await ready;
    const messageId = randomUUID();
    await post(`${trackingUrl}/v1/track`, { writeKey: 'k', userId: 'u', event: 'Matrix', messageId }, signal);
    while (!(await (await fetch(`${consoleUrl}/api/events`, { signal })).text()).includes(messageId)) {
      await sleep(50, undefined, { signal });
    }
    const delivered = await delivery;
    if (delivered.messageId !== messageId) throw new Error(`the webhook got ${JSON.stringify(delivered)}`);
    server.kill('SIGTERM');
    const [code] = await exit;
    if (code !== 0) throw new Error(`it exited with ${code} after SIGTERM`);
    const trouble = stderr.match(TROUBLE);
    if (trouble) throw new Error('it had something to say');
    return undefined;
  } catch (error) {
    return `${error.message}\n${stdout}${stderr}`;
  } finally {
    server.kill('SIGKILL');
    vendor.close();
    vendor.closeAllConnections();
  }
}

/** The body of the first request. */
async function received(vendor, signal) {
  const [request, response] = await once(vendor, 'request', { signal });
  const body = await json(request);
  response.end();
  return body;
}

async function post(url, body, signal) {
  const headers = { 'content-type': 'application/json' };
  const { status } = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
  if (status !== 200) throw new Error(`${url} answered ${status}`);
}
