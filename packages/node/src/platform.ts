import { AsyncLocalStorage } from 'node:async_hooks';
import { createPrivateKey, randomFillSync, randomUUID, sign } from 'node:crypto';
import timers from 'node:timers';
import { promisify, TextDecoder } from 'node:util';
import { gzip as gzipWithCallback } from 'node:zlib';

// What Node has, and a runtime with little more than `fetch` has not or has otherwise. The edge build takes
// platform.edge.ts in its place, as it takes any `x.edge.ts` in place of `x.ts`. Beyond such pairs nothing
// that it reaches may name modules and globals of Node.

// jsdom, as Jest runs it, hides the global one.
export { TextDecoder };

export { AsyncLocalStorage, randomUUID };

/** None: everything works on Node. */
export const UNSUPPORTED_OPTIONS: readonly string[] = [];

/** What `_metadata` tells of the runtime, as analytics-node has it. */
export const RUNTIME_METADATA: readonly [key: string, value: string] = ['nodeVersion', process.versions.node];

/**
 * As it was when this was loaded, as analytics-node has it: with a test's fake timers, and in jsdom,
 * which has none, callbacks are called and flushes resolve all the same.
 */
export const soon = timers.setImmediate;

/** Throws it where nobody can catch it. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** In UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

export function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function ofBase64(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

/** At most 65,536 bytes at once. */
export function randomFill(bytes: Uint8Array<ArrayBuffer>): void {
  randomFillSync(bytes);
}

/** Off the event loop. */
export const gzip: ((text: string) => Promise<Uint8Array>) | undefined = promisify(gzipWithCallback);

/** RSASSA-PKCS1-v1_5 with SHA-256, in base64url. @param pem a private RSA key. */
export function signRs256(text: string, pem: string): Promise<string> {
  return Promise.resolve(sign('sha256', Buffer.from(text), createPrivateKey(pem)).toString('base64url'));
}
