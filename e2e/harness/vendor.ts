import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a vendor does with one request. */
export type Step =
  /** Takes it and answers. */
  | 'accept'
  /** A status, without having taken anything. */
  | { status: number; retryAfter?: string }
  /** Takes it, and answers after so many milliseconds. */
  | { acceptAfterMs: number }
  /** Takes it, and breaks the connection instead of answering. */
  | 'acceptAndReset'
  /** Breaks the connection, having taken nothing. */
  | 'reset'
  /** Takes it, and sends half of an answer. */
  | 'halfAnswer'
  /** Never answers. */
  | 'never';

export interface VendorRequest {
  path: string;
  authorization: string | undefined;
  /** Of the body, one event or several. */
  events: Record<string, unknown>[];
}

export interface Taken {
  path: string;
  event: Record<string, unknown>;
  /** By `performance.now()`, when all of the request had arrived. */
  atMs: number;
  /** When it was answered with 2xx; not at all where whoever asked was not told that it was taken. */
  answeredAtMs?: number;
}

/** A vendor that fails by plan. */
export interface Vendor {
  /** Without a path; the plan sees the path, so that one vendor can play several. */
  url: string;
  /** In the order in which they came. */
  taken: Taken[];
  requestCount: number;
  /** From now on. At first everything is accepted. */
  plan(step: (request: VendorRequest) => Step): void;
  close(): Promise<void>;
}

const acceptAll = (): Step => 'accept';

export async function startVendor(): Promise<Vendor> {
  let plan: (request: VendorRequest) => Step = acceptAll;
  const server = createServer((request, response) => void serve(request, response));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks = (await request.toArray()) as Buffer[];
    const events = [JSON.parse(Buffer.concat(chunks).toString()) as unknown].flat() as Taken['event'][];
    const path = request.url ?? '/';
    vendor.requestCount += 1;
    const step = plan({ path, authorization: request.headers.authorization, events });
    if (step === 'never') return;
    if (step === 'reset') {
      request.socket.destroy();
      return;
    }
    if (typeof step === 'object' && 'status' in step) {
      const { status, retryAfter } = step;
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();
      return;
    }
    const atMs = performance.now();
    const taken = events.map((event): Taken => ({ path, event, atMs }));
    vendor.taken.push(...taken);
    const answer = (): void => {
      if (response.destroyed) return;
      for (const each of taken) each.answeredAtMs = performance.now();
      response.end('ok');
    };
    if (step === 'accept') answer();
    else if (step === 'acceptAndReset') request.socket.destroy();
    else if (step === 'halfAnswer') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => request.socket.destroy());
    } else setTimeout(answer, step.acceptAfterMs);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const vendor: Vendor = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: [],
    requestCount: 0,
    plan: (next) => (plan = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return vendor;
}
