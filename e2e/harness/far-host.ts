import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/**
 * For the hosts of Segment's two regions, signed by itself, good until 2126. It guards nothing. Made by
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500
 * -subj /CN=events.eu1.segmentapis.com -addext basicConstraints=critical,CA:TRUE
 * -addext subjectAltName=DNS:events.eu1.segmentapis.com,DNS:api.segment.io`.
 */
const CERTIFICATE = fileURLToPath(new URL('../fixtures/region.crt', import.meta.url));
const TLS = {
  cert: readFileSync(CERTIFICATE),
  key: readFileSync(new URL('../fixtures/region.key', import.meta.url)),
};

/** Stands for hosts far away: a proxy that takes the place of whatever it is asked to connect to. */
export interface FarHost {
  /** What a program needs to come here, and to believe that it is there. */
  env: Record<string, string>;
  /** Host and port that programs asked for. */
  asked: string[];
  /** As they came out of the encrypted connection. */
  requests: { url: string; events: Record<string, unknown>[] }[];
  close(): Promise<void>;
}

export async function startFarHost(): Promise<FarHost> {
  const asked: string[] = [];
  const requests: FarHost['requests'] = [];
  const secure = https.createServer(TLS, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { batch } = JSON.parse(Buffer.concat(chunks).toString()) as { batch: Record<string, unknown>[] };
      requests.push({ url: `https://${request.headers.host}${request.url}`, events: batch });
      response.end('{"success":true}');
    });
  });
  const proxy = createServer();
  proxy.on('connect', (request, socket) => {
    asked.push(request.url!);
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    secure.emit('connection', socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    env: {
      https_proxy: `http://127.0.0.1:${port}`,
      no_proxy: '',
      NODE_EXTRA_CA_CERTS: CERTIFICATE,
    },
    asked,
    requests,
    close: () => {
      secure.closeAllConnections();
      return new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      });
    },
  };
}
