import { BlockList, isIP } from 'node:net';
import { usageError } from '../errors.ts';

/** The proxy for a target; undefined when it is to be reached directly. @throws Error for one that we cannot use. */
export type ProxyFor = (target: URL) => URL | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What HTTP_PROXY, HTTPS_PROXY and NO_PROXY ask for; undefined when they ask for nothing. As with curl
 * the lower case goes first and a proxy without a scheme speaks http.
 */
export function proxiesOf(environment: Environment): ProxyFor | undefined {
  const https = setting(environment, 'HTTPS_PROXY');
  // In a CGI program the upper-case name is the `Proxy` header of whoever asks (CVE-2016-5385).
  const isCgi = environment['REQUEST_METHOD'] !== undefined;
  const http = isCgi ? environment['http_proxy'] || undefined : setting(environment, 'HTTP_PROXY');
  if (!http && !https) return undefined;
  const isExempt = exemptions(setting(environment, 'NO_PROXY') ?? '');
  return (target) => {
    const proxy = target.protocol === 'https:' ? https : http;
    if (!proxy || isExempt(target)) return undefined;
    return proxyUrl(target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', proxy);
  };
}

function setting(environment: Environment, name: string): string | undefined {
  return environment[name.toLowerCase()] || environment[name] || undefined;
}

function proxyUrl(name: string, value: string): URL {
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  // Not its value, which may hold a password.
  throw usageError(`The environment variable ${name} must be the address of an http or https proxy.`);
}

/** The header that says who we are to the proxy; undefined when its URL names nobody. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (!proxy.username && !proxy.password) return undefined;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

type Exemption = (host: string, port: string) => boolean;

/**
 * NO_PROXY as curl reads it: `*`, or names and addresses between commas or spaces. A name also means
 * all below it, with or without a leading dot; an address may be a network (`10.0.0.0/8`). As with
 * Go and with Node itself, `host:port` means that port alone.
 */
function exemptions(text: string): (target: URL) => boolean {
  const entries = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  if (entries.includes('*')) return () => true;
  const rules = entries.map(exemption);
  return ({ protocol, hostname, port }) => {
    const host = bare(hostname);
    const actualPort = port || (protocol === 'https:' ? '443' : '80');
    return rules.some((isExempt) => isExempt(host, actualPort));
  };
}

function exemption(entry: string): Exemption {
  const [, network, prefix] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (network !== undefined) return inNetwork(bare(network), Number(prefix));
  const [, host, port] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const name = bare(host ?? entry).replace(/^\./, '');
  return (target, targetPort) =>
    (port === undefined || port === targetPort) &&
    (target === name || (isIP(target) === 0 && target.endsWith(`.${name}`)));
}

function inNetwork(network: string, prefix: number): Exemption {
  const family = isIP(network);
  const isValid = family !== 0 && prefix <= (family === 4 ? 32 : 128);
  if (!isValid) return () => false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, prefix, type);
  return (target) => isIP(target) === family && list.check(target, type);
}

/** Without the brackets of an IPv6 address and the last dot of a full name. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}
