import { verify, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An authorization server of OAuth 2.0: gives a token to whoever signed with the key that it knows. */
export interface AuthServer {
  readonly host: string;
  /** The claims of each request, whether it got a token or not. */
  readonly claims: readonly Record<string, unknown>[];
  readonly forms: readonly Record<string, string>[];
  /** How the next requests are answered in place of a token, in order. */
  script(...answers: (TokenAnswer | 'cut')[]): void;
  close(): Promise<void>;
}

interface TokenAnswer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
}

interface Knows {
  publicKey: KeyObject;
  keyId: string;
  expiresInSeconds?: number;
  /** Of its clock. */
  aheadMs?: number;
}

function decoded(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}

export async function startAuthServer(knows: Knows): Promise<AuthServer> {
  const { publicKey, keyId, expiresInSeconds = 3_600, aheadMs = 0 } = knows;
  const claims: Record<string, unknown>[] = [];
  const forms: Record<string, string>[] = [];
  const answers: (TokenAnswer | 'cut')[] = [];
  let tokenCount = 0;

  const answerTo = (form: Record<string, string>): TokenAnswer => {
    const [head = '', payload = '', signature = ''] = (form['client_assertion'] ?? '').split('.');
    const claim = decoded(payload);
    claims.push(claim);
    const signed = Buffer.from(`${head}.${payload}`);
    const isOurs = verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'));
    const { alg, kid } = decoded(head);
    const nowSeconds = (Date.now() + aheadMs) / 1_000;
    const isTimely = Number(claim['iat']) <= nowSeconds && Number(claim['exp']) >= nowSeconds;
    if (!isOurs || alg !== 'RS256' || kid !== keyId || !isTimely) return { status: 401 };
    tokenCount += 1;
    const token = { access_token: `token-${tokenCount}`, expires_in: expiresInSeconds, token_type: 'Bearer' };
    return { status: 200, body: JSON.stringify(token) };
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url !== '/token' || request.method !== 'POST') {
        response.writeHead(404).end();
        return;
      }
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
      forms.push({ ...form, contentType: request.headers['content-type'] ?? '' });
      const given = answerTo(form);
      const answer = answers.shift() ?? given;
      if (answer === 'cut') request.socket.destroy();
      else {
        response.setHeader('date', new Date(Date.now() + aheadMs).toUTCString());
        response.writeHead(answer.status, answer.headers).end(answer.body ?? '{}');
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    claims,
    forms,
    script: (...more) => void answers.push(...more),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
