import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** Below, what it saves is less than a packet. */
export const GZIP_MIN_BYTES = 1_024;
const gzipped = promisify(gzip);

/** The body as it is sent, and the header that says so. Off the event loop. */
export async function compressed(body: Buffer): Promise<{ body: Buffer; headers: Record<string, string> }> {
  if (body.length < GZIP_MIN_BYTES) return { body, headers: {} };
  return { body: await gzipped(body), headers: { 'content-encoding': 'gzip' } };
}
