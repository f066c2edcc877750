import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Takes no connection from its queue, which holds one or two: its only thread sleeps for ever. */
const LISTENER = `
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

const NOT_CONNECTED_AFTER_MS = 300;
const MOST_CONNECTIONS = 50;

/** A port of the loopback that no connection can be made to, though something listens there. */
export async function startFullBacklog(): Promise<{ host: string; close: () => void }> {
  const child = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(chunk.toString());
  const sockets: Socket[] = [];
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
  };
  for (let full = false; !full;) {
    if (sockets.length === MOST_CONNECTIONS) {
      close();
      throw new Error('the queue of a listener that sleeps does not fill');
    }
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    full = !(await connectsSoon(socket));
  }
  return { host: `http://127.0.0.1:${port}`, close };
}

function connectsSoon(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, NOT_CONNECTED_AFTER_MS, false);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
