import type { RefusalCode } from '@millrace/spec';
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

/** Reads a request's body as JSON, within the limit of a whole body. */
export function decode(
  headers: BodyHeaders,
  body: Buffer | undefined,
  route: Route,
  limits: CollectorLimits,
): Decoded {
  const mediaType = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json') return { code: 'unsupported_content_type' };
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase();
  if (encoding !== '' && encoding !== 'identity') return { code: 'invalid_encoding' };
  if (body === undefined) return { code: 'invalid_json' };
  if (body.length > limits.batchMaxBytes) {
    return { code: route === 'batch' ? 'batch_too_large' : 'message_too_large' };
  }
  const scanned = scan(body, route);
  if (scanned) return scanned;
  try {
    // Plain JSON.parse: a `__proto__` in the body becomes a property like any other.
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return { code: 'invalid_json' };
  }
}
