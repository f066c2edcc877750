import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Where a server may listen, or why it may not. */
export interface BindRequest {
  mode: 'dev' | 'start';
  host: string;
  consoleHost: string;
  consoleToken: string | undefined;
  sourceCount: number;
  configFile: string | undefined;
}

const CONSOLE_TOKEN_MIN_CHARS = 32;

/** Why the server refuses to start like this, or undefined. Pure. */
export function bindFault(request: BindRequest): string | undefined {
  if (request.mode === 'start' && request.sourceCount === 0) {
    const found = request.configFile ? `${request.configFile} has none` : 'there is no config file here';
    return `"millrace start" needs at least one source in the config, ${found}; "millrace dev" runs without`;
  }
  if (!isLoopback(request.host) && request.sourceCount === 0) {
    return `--host ${request.host} opens the Tracking API to other machines; that needs configured sources, found none`;
  }
  if (request.consoleToken !== undefined && request.consoleToken.length < CONSOLE_TOKEN_MIN_CHARS) {
    return `MILLRACE_CONSOLE_TOKEN: expected at least ${CONSOLE_TOKEN_MIN_CHARS} characters, got ${request.consoleToken.length}`;
  }
  if (!isLoopback(request.consoleHost) && request.consoleToken === undefined) {
    return (
      `--console-host ${request.consoleHost} opens the console to other machines; ` +
      `that needs MILLRACE_CONSOLE_TOKEN with at least ${CONSOLE_TOKEN_MIN_CHARS} characters, found none`
    );
  }
  return undefined;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Listens and returns the URL a client of this machine can use. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const address = app.server.address() as AddressInfo;
  return `http://${urlHost(host)}:${address.port}`;
}

/** An address to listen on is not always one to connect to. */
function urlHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
