import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { LOCALHOST_TLS } from './localhost-tls.ts';

/** A Tracking API that answers as a test tells it to, over a real socket. */
export interface ScriptedServer {
  readonly host: string;
  readonly requests: readonly ReceivedRequest[];
  /** Connections that were made. */
  readonly connectionCount: number;
  /** How the next requests are answered, in order; then again 200. */
  script(...answers: Answer[]): void;
  close(): Promise<void>;
}

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** As it came, compressed or not. */
  bodyBytes: number;
  body: {
    batch: ReceivedEvent[];
    timestamp: string;
    sentAt: string;
  };
}

export type ReceivedEvent = Record<string, unknown> & { event?: string };

export type Answer =
  | { status: number; headers?: Record<string, string>; body?: string }
  /** Answers 200 once the promise resolves. */
  | { after: Promise<unknown> }
  /** Sends these bytes and cuts the connection. */
  | { raw: string }
  /** Cuts the connection. */
  | 'cut';

/** @param port of a server that was closed, which is then back where it was. */
export async function startServer({ tls = false, port = 0 } = {}): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = [];
  const answers: Answer[] = [];
  let connectionCount = 0;
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const sent = Buffer.concat(chunks);
      const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        bodyBytes: sent.length,
        body: JSON.parse(bytes.toString()) as ReceivedRequest['body'],
      });
      const answer = answers.shift() ?? { status: 200 };
      if (answer === 'cut') request.socket.destroy();
      else if ('raw' in answer) request.socket.end(answer.raw);
      else if ('after' in answer) void answer.after.then(() => response.end('{"success":true}'));
      else response.writeHead(answer.status, answer.headers).end(answer.body ?? '{}');
    });
  };
  const server = tls ? createTlsServer(LOCALHOST_TLS, listener) : createServer(listener);
  server.on('connection', () => {
    connectionCount += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    host: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connectionCount() {
      return connectionCount;
    },
    script: (...more) => void answers.push(...more),
    close: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

/** A promise and its key. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const keys: (() => void)[] = [];
  const opened = new Promise<void>((resolve) => {
    keys.push(resolve);
  });
  return { opened, open: () => keys.forEach((open) => open()) };
}
