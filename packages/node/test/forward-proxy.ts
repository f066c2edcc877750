import http from 'node:http';
import https from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { LOCALHOST_TLS } from './localhost-tls.ts';

/** A proxy as companies have them: http in absolute form, https by CONNECT. */
export interface ForwardProxy {
  readonly host: string;
  /** What it was asked for: method, target and who asks. */
  readonly asked: readonly { method: string; target: string; authorization: string | undefined }[];
  /** Refuses the next request with a status. */
  refuse(status: number): void;
  close(): Promise<void>;
}

export async function startProxy({ tls = false } = {}): Promise<ForwardProxy> {
  const asked: { method: string; target: string; authorization: string | undefined }[] = [];
  const refusals: number[] = [];
  const sockets = new Set<Socket>();
  const note = (request: http.IncomingMessage): number | undefined => {
    asked.push({
      method: request.method ?? '',
      target: request.url ?? '',
      authorization: request.headers['proxy-authorization'],
    });
    return refusals.shift();
  };

  const forward: http.RequestListener = (request, response) => {
    const refusal = note(request);
    if (refusal) {
      response.writeHead(refusal).end();
      return;
    }
    // As a proxy must (RFC 9110, 7.6.1), so that a test sees that it arrives here and not there.
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const onward = http.request(request.url ?? '', { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  };
  const server = tls ? https.createServer(LOCALHOST_TLS, forward) : http.createServer(forward);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: http.IncomingMessage, client: Socket) => {
    const refusal = note(request);
    if (refusal) {
      client.end(`HTTP/1.1 ${refusal} ${http.STATUS_CODES[refusal]}\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
    client.on('error', () => onward.destroy());
    client.on('close', () => onward.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    refuse: (status) => void refusals.push(status),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
