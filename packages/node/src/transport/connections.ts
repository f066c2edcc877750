import http from 'node:http';
import https from 'node:https';
import type { Liveness } from '../liveness.ts';
import { proxyAuthorization, type ProxyFor } from './proxies.ts';
import { tunnelAgent } from './tunnel.ts';

/** Keep-alive connections, direct or by a proxy. */
export class Connections {
  #liveness: Liveness;
  #proxyFor: ProxyFor | undefined;
  #agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
  /** By the address of the proxy. */
  #tunnels = new Map<string, https.Agent>();

  constructor(liveness: Liveness, proxyFor: ProxyFor | undefined) {
    this.#liveness = liveness;
    this.#proxyFor = proxyFor;
  }

  /** A POST that is to be written. @throws Error for what is no address. */
  open(url: string, headers: http.OutgoingHttpHeaders): http.ClientRequest {
    const target = new URL(url);
    const options = { method: 'POST', headers };
    const proxy = this.#proxyFor?.(target);
    if (!proxy) return this.#request(target, options);
    if (target.protocol === 'https:') {
      return https.request(target, { ...options, agent: this.#tunnelsOf(proxy) });
    }
    // In absolute form (RFC 9112, 3.2.2).
    const authorization = proxyAuthorization(proxy);
    return this.#request(new URL(proxy.origin), {
      ...options,
      path: `${target.origin}${target.pathname}${target.search}`,
      headers: {
        ...headers,
        host: target.host,
        ...(authorization && { 'proxy-authorization': authorization }),
      },
    });
  }

  /** Closes those that no request uses. */
  dropIdle(): void {
    for (const agent of this.#all()) {
      for (const sockets of Object.values(agent.freeSockets)) {
        for (const socket of sockets ?? []) socket.destroy();
      }
    }
  }

  close(): void {
    for (const agent of this.#all()) agent.destroy();
  }

  #request(target: URL, options: https.RequestOptions): http.ClientRequest {
    return target.protocol === 'https:'
      ? https.request(target, { ...options, agent: this.#agents['https:'] })
      : http.request(target, { ...options, agent: this.#agents['http:'] });
  }

  #tunnelsOf(proxy: URL): https.Agent {
    const known = this.#tunnels.get(proxy.href);
    if (known) return known;
    const agent = tunnelAgent(proxy, this.#liveness);
    this.#tunnels.set(proxy.href, agent);
    return agent;
  }

  #all(): http.Agent[] {
    return [...Object.values(this.#agents), ...this.#tunnels.values()];
  }
}
