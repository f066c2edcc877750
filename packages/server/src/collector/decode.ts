import type { RefusalCode } from '@millrace/spec';
import { inflateBody, isPlain } from './inflate.ts';
import type { CollectorLimits } from './limits.ts';
import type { Route } from './routes.ts';
import { scan, type EventSlice } from './scan.ts';

export interface DecodedBody {
  /** With `slices` only as deep as the collector looks. */
  value: unknown;
  /** Where the events' bytes are, when none of them needs more than its stamps. */
  slices?: readonly EventSlice[];
}

export type Decoded = DecodedBody | { code: RefusalCode };

/** Just these headers of a request. */
export interface BodyHeaders {
  'content-type'?: string | undefined;
  'content-encoding'?: string | undefined;
}

/**
 * What SDKs name their JSON: `text/plain` spares a browser the preflight, and RudderStack's Node SDK calls it a form when it
 * compresses.
 */
const MEDIA_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'text/plain',
  'application/x-www-form-urlencoded',
]);

/**
 * Reads a request's body as JSON, within the limit of a whole body, which holds for what a compressed one becomes.
 * @param asSlices Whether events may stay as the bytes that came, where they need no more than stamps.
 */
export async function decode(
  headers: BodyHeaders,
  body: Buffer | undefined,
  route: Route,
  limits: CollectorLimits,
  asSlices: boolean,
): Promise<Decoded> {
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (!MEDIA_TYPES.has(mediaType)) return { code: 'unsupported_content_type' };
  const encoding = headers['content-encoding'];
  if (encoding === undefined || isPlain(encoding)) return decodeJson(body, route, limits, asSlices);
  const inflated = await inflateBody(encoding, body ?? Buffer.alloc(0), limits.batchMaxBytes);
  if ('body' in inflated) return decodeJson(inflated.body, route, limits, asSlices);
  return { code: inflated.code === 'too_large' ? tooLarge(route) : inflated.code };
}

function tooLarge(route: Route): RefusalCode {
  return route === 'batch' ? 'batch_too_large' : 'message_too_large';
}

function decodeJson(
  body: Buffer | undefined,
  route: Route,
  limits: CollectorLimits,
  asSlices: boolean,
): Decoded {
  if (body === undefined) return { code: 'invalid_json' };
  if (body.length > limits.batchMaxBytes) return { code: tooLarge(route) };
  const scanned = asSlices ? scan(body, route) : undefined;
  if (scanned) return scanned;
  try {
    // Plain JSON.parse: a `__proto__` in the body becomes a property like any other.
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return { code: 'invalid_json' };
  }
}
