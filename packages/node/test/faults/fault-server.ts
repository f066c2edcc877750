import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How one request is treated. */
export type Treatment =
  /** `body` is cut short of its `content-length` when `truncated`. */
  | { status: number; headers?: Record<string, string>; afterMs?: number; truncated?: boolean }
  /** Cut while the request is being received. */
  | 'reset'
  /** Taken, and the connection then cut without an answer. */
  | 'answer lost'
  /** Received, and never answered. */
  | 'silence';

export interface Behaviour {
  /** Told the number of the request, from 1, and the time since the first one came. */
  treat: (number: number, sinceFirstMs: number) => Treatment;
  /** Nobody listens until then, counted from the start of the program; never, when Infinity. */
  listensAfterMs?: number;
}

/** For each event the messageIds under which it was taken, one for each time. */
export type Taken = Map<string, string[]>;

export interface FaultServer {
  readonly host: string;
  close(): void;
}

interface Body {
  batch: { event: string; messageId: string }[];
}

const OK = '{"success":true}';

/** A Tracking API on a port of the loopback that treats its requests badly, over real sockets. */
export async function startFaultServer(
  { treat, listensAfterMs = 0 }: Behaviour,
  taken: Taken,
  port: number,
): Promise<FaultServer> {
  let requestCount = 0;
  let firstMs: number | undefined;

  function take(bytes: Buffer): void {
    for (const { event, messageId } of (JSON.parse(bytes.toString()) as Body).batch) {
      const ids = taken.get(event);
      if (ids) ids.push(messageId);
      else taken.set(event, [messageId]);
    }
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    requestCount += 1;
    firstMs ??= performance.now();
    const treatment = treat(requestCount, performance.now() - firstMs);
    if (treatment === 'reset') {
      request.once('data', () => request.socket.resetAndDestroy());
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      if (treatment === 'silence') return;
      if (treatment === 'answer lost') {
        take(bytes);
        request.socket.resetAndDestroy();
        return;
      }
      if (treatment.status < 300) take(bytes);
      setTimeout(answer, treatment.afterMs ?? 0, response, treatment);
    });
    request.on('error', () => undefined);
  }

  const server = createServer(onRequest);
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  let opening: NodeJS.Timeout | undefined;
  if (listensAfterMs === 0) await listen();
  else if (listensAfterMs < Infinity) opening = setTimeout(() => void listen(), listensAfterMs);
  return {
    host: `http://127.0.0.1:${port}`,
    close: () => {
      clearTimeout(opening);
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, treatment: Exclude<Treatment, string>): void {
  const { status, headers, truncated } = treatment;
  response.writeHead(status, { ...headers, 'content-length': OK.length });
  if (!truncated) {
    response.end(OK);
    return;
  }
  response.write(OK.slice(0, 5), () => response.destroy());
}

/** One that nobody listens on yet. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}
