import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
  /** By `performance.now()`, when all of it had arrived. */
  receivedAtMs: number;
  /** When it was answered; not at all where whoever asked had gone. */
  answeredAtMs?: number;
}

export interface ReceiverOptions {
  /** How long an answer takes, in milliseconds; default 0. */
  answerAfterMs?: () => number;
  /** What is kept of a body; default all of it. */
  keep?: (body: unknown) => unknown;
}

/** The vendor's end of the wire: keeps every request and answers what it is told to. */
export interface Receiver {
  url: string;
  requests: ReceivedRequest[];
  /** Status for the next and all later requests, or no answer at all, or 200 on `release`; 200 at first. */
  answer(status: number | 'never' | 'later'): void;
  /** Answers all that wait, and all later requests, with 200. */
  release(): void;
  /** All events received with a 2xx answer, in order; a body may be one event or an array. */
  events(): Record<string, unknown>[];
  close(): Promise<void>;
}

export async function startReceiver({
  answerAfterMs = () => 0,
  keep = (body) => body,
}: ReceiverOptions = {}): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const accepted: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  let status: number | 'never' | 'later' = 200;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = keep(JSON.parse(Buffer.concat(chunks).toString()));
      const { method, url: path, headers } = request;
      const received: ReceivedRequest = {
        method: method!,
        path: path!,
        headers,
        body,
        receivedAtMs: performance.now(),
      };
      requests.push(received);
      const reply = (code: number): void => {
        // Whoever asked has gone, and will ask again or has given up.
        if (response.destroyed) return;
        if (code < 300) accepted.push(...([body].flat() as Record<string, unknown>[]));
        received.answeredAtMs = performance.now();
        response.writeHead(code).end();
      };
      if (status === 'later') waiting.push(() => reply(200));
      else if (status !== 'never') {
        const code = status;
        const afterMs = answerAfterMs();
        if (afterMs > 0) setTimeout(() => reply(code), afterMs);
        else reply(code);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`,
    requests,
    answer: (next) => (status = next),
    release: () => {
      status = 200;
      for (const reply of waiting.splice(0)) reply();
    },
    events: () => accepted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
