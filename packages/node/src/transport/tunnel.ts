import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { analyticsError } from '../errors.ts';
import type { Liveness } from '../liveness.ts';
import { proxyAuthorization } from './proxies.ts';
import { watchSocket } from './watch-socket.ts';

/** So that a proxy that never answers leaves nothing behind; requests have a time-out of their own. */
const TUNNEL_TIMEOUT_MS = 30_000;

/** A proxy that would not open a tunnel, with what it answered instead. */
export interface ProxyRefusal extends Error {
  refusal: http.IncomingMessage;
}

export function isProxyRefusal(error: Error): error is ProxyRefusal {
  return 'refusal' in error;
}

/** Keep-alive connections to https hosts through a tunnel of the proxy (CONNECT, RFC 9110, 9.3.6). */
export function tunnelAgent(proxy: URL, liveness: Liveness): https.Agent {
  const agent = new https.Agent({ keepAlive: true });
  const createConnection = (
    target: tls.ConnectionOptions,
    done: (error: Error | null, socket?: tls.TLSSocket) => void,
  ): undefined => {
    openTunnel(proxy, `${bracketed(target.host!)}:${target.port}`, liveness, (error, socket) => {
      if (error) return done(error);
      // The agent gives a path, for unix sockets, which would win over the socket.
      done(null, tls.connect({ ...target, path: undefined, socket }));
    });
  };
  // To Node it is a method that may be replaced; its types know only that it is called.
  return Object.assign(agent, { createConnection });
}

function openTunnel(
  proxy: URL,
  authority: string,
  liveness: Liveness,
  done: (error: Error | null, socket?: Socket) => void,
): void {
  const authorization = proxyAuthorization(proxy);
  const connect = (proxy.protocol === 'https:' ? https : http).request({
    hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...(authorization && { 'proxy-authorization': authorization }) },
    agent: false,
  });
  let stopWatching: (() => void) | undefined;
  const stopTimer = liveness.after(TUNNEL_TIMEOUT_MS, () => {
    connect.destroy(analyticsError('NETWORK_ERROR', `the proxy ${proxy.host} did not answer`));
  });
  const finish = (error: Error | null, socket?: Socket): void => {
    stopTimer();
    stopWatching?.();
    done(error, socket);
  };
  connect.on('socket', (socket) => {
    stopWatching = watchSocket(liveness, socket);
  });
  connect.on('error', finish);
  connect.on('connect', (answer, socket, head) => {
    if (answer.statusCode === 200) {
      if (head.length > 0) socket.unshift(head);
      return finish(null, socket);
    }
    socket.destroy();
    finish(refusalOf(proxy, answer));
  });
  connect.end();
}

function refusalOf(proxy: URL, answer: http.IncomingMessage): ProxyRefusal {
  const words = `the proxy ${proxy.host} answered ${answer.statusCode} ${answer.statusMessage}`;
  return Object.assign(new Error(words), { refusal: answer });
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
