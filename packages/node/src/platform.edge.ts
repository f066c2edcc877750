// For a runtime that has `fetch`, WebCrypto and timers, and may have nothing else. See platform.ts.

interface EdgeGlobals {
  /** In Vercel's, and in Cloudflare's where it is switched on. */
  AsyncLocalStorage?: typeof import('node:async_hooks').AsyncLocalStorage;
  /** Marks Vercel's. */
  EdgeRuntime?: string;
  /** Marks Cloudflare's. */
  WebSocketPair?: unknown;
}

const globals = globalThis as EdgeGlobals;

export const TextDecoder = globalThis.TextDecoder;

export const AsyncLocalStorage = globals.AsyncLocalStorage;

/** Options that speak of a process or a disk. */
export const UNSUPPORTED_OPTIONS: readonly string[] = ['spool', 'exitHook', 'exitDrainMs'];

/** As @segment/analytics-node names them. */
export const RUNTIME_METADATA: readonly [key: string, value: string] = ['jsRuntime', runtimeName()];

function runtimeName(): string {
  if (globals.WebSocketPair !== undefined) return 'cloudflare-worker';
  return globals.EdgeRuntime === undefined ? 'unknown' : 'vercel-edge';
}

export function soon<Args extends unknown[]>(call: (...args: Args) => void, ...args: Args): void {
  setTimeout(call, 0, ...args);
}

/** Throws it where nobody can catch it. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

const encoder = new TextEncoder();

/** In UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

export function toBase64(text: string): string {
  return base64Of(encoder.encode(text));
}

export function ofBase64(base64: string): string {
  return new TextDecoder().decode(bytesOfBase64(base64));
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function bytesOfBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

export function randomUUID(): string {
  return crypto.randomUUID();
}

/** At most 65,536 bytes at once, or WebCrypto throws. */
export function randomFill(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}

/** Undefined where the runtime cannot compress. */
export const gzip: ((text: string) => Promise<Uint8Array>) | undefined =
  typeof CompressionStream === 'undefined' ? undefined : compressed;

async function compressed(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** RSASSA-PKCS1-v1_5 with SHA-256, in base64url. @param pem a private RSA key in PKCS #8. */
export async function signRs256(text: string, pem: string): Promise<string> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const der = bytesOfBase64(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''));
  const key = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, key, encoder.encode(text)));
  return base64Of(signature).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
