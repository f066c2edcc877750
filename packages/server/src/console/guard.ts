import { createHash, timingSafeEqual } from 'node:crypto';
import type { ConsoleCode } from '@millrace/spec';

export interface GuardOptions {
  /** Names that the console answers to on any port, beside those of {@link isOwnHost}. */
  hosts: readonly string[];
  /** When given, every request must carry it as Bearer. */
  token: string | undefined;
}

/** What the rule needs to know of one request. Absent address and port: it came without a socket. */
export interface GuardedRequest {
  host: string | undefined;
  origin: string | undefined;
  authorization: string | undefined;
  localAddress: string | undefined;
  localPort: number | undefined;
}

/** Why a request is not answered, or undefined. Pure. */
export function guardFault(request: GuardedRequest, options: GuardOptions): ConsoleCode | undefined {
  if (!isOwnHost(request, options.hosts)) return 'forbidden_host';
  if (request.origin !== undefined && !isSameOrigin(request.origin, request.host)) return 'forbidden_origin';
  if (options.token !== undefined && !isBearer(request.authorization, options.token)) {
    return 'unauthorized_console';
  }
  return undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * A page elsewhere can point a name of its own at this machine (DNS rebinding) and would then pass
 * every check of the browser. It cannot make the browser call the name `localhost`, nor an address:
 * so loopback names and the address that the connection came in on are taken with the port that
 * it came in on; any other name must be given.
 */
function isOwnHost(request: GuardedRequest, hosts: readonly string[]): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(request.host ?? '');
  if (!match) return false;
  const name = (match[1] ?? match[2] ?? '').toLowerCase();
  const port = Number(match[3] ?? 80);
  const ownAddress = request.localAddress?.replace(/^::ffff:/, '');
  if (LOOPBACK_NAMES.includes(name) || name === ownAddress) {
    return request.localPort === undefined || request.localPort === port;
  }
  return hosts.some((host) => host.toLowerCase() === name);
}

/** By host and port alone: a proxy in front may speak https where we see http. */
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).host === host?.toLowerCase();
}

function isBearer(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  // Hashed, since a comparison in constant time needs equal lengths.
  return timingSafeEqual(sha256(given), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
