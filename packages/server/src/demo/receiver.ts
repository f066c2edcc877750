import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Vendor, VendorReply } from './vendors.ts';

export interface Receiver {
  url: string;
  close(): Promise<void>;
}

/** Plays a vendor's API on a free port of this machine. */
export async function startReceiver(vendor: Vendor, clock: Clock): Promise<Receiver> {
  const random = (): number => clock.random();
  const startedAtMs = clock.nowMs();
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => void answer(response, vendor(random, clock.nowMs() - startedAtMs), clock));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(response: ServerResponse, reply: VendorReply, clock: Clock): Promise<void> {
  if (reply.status === 'silence') return;
  await clock.sleep(reply.delayMs);
  const wait = reply.retryAfterSeconds;
  response.writeHead(reply.status, wait === undefined ? {} : { 'retry-after': String(wait) }).end();
}
