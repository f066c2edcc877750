import { isJsonObject, type RefusalCode } from '@millrace/spec';
import type { DecodedBody } from './decode.ts';
import { jsonOf } from './json.ts';
import type { CollectorLimits } from './limits.ts';
import type { Route } from './routes.ts';
import type { EventSlice } from './scan.ts';

/** What a request carries, whichever route it came by. */
export interface Envelope {
  items: readonly unknown[];
  /** Where the bytes of each item are, when all of them can be kept as they came. */
  slices: readonly EventSlice[] | undefined;
  shared: Shared;
}

/** What a batch says once for all of its items. */
export interface Shared {
  context?: unknown;
  integrations?: unknown;
  sentAt?: unknown;
}

export type Opened = { envelope: Envelope } | { code: RefusalCode };

/**
 * `context` and `integrations` of a batch are written out in each of its events. A batch that this
 * would make larger than so many bodies at their limit counts as too large itself: otherwise half a
 * megabyte could become a gigabyte. With what else may grow (stamps, `1e20` written out) it must stay
 * below the 8 MB that one commit of the log takes.
 */
const GROWTH_MAX_FACTOR = 10;

export function openEnvelope(
  { value: body, slices }: DecodedBody,
  route: Route,
  limits: CollectorLimits,
): Opened {
  if (route !== 'batch') return { envelope: { items: [body], slices, shared: {} } };
  if (!isJsonObject(body) || !Array.isArray(body['batch'])) return { code: 'invalid_batch' };
  const items: readonly unknown[] = body['batch'];
  if (items.length === 0) return { code: 'empty_batch' };
  if (items.length > limits.batchMaxCount) return { code: 'too_many_events' };
  const { context, integrations, sentAt } = body;
  if (isJsonObject(context) || isJsonObject(integrations)) {
    const shared = jsonOf({ context, integrations });
    if (!shared) return { code: 'invalid_batch' };
    const grownBytes = shared.length * items.length;
    if (grownBytes > GROWTH_MAX_FACTOR * limits.batchMaxBytes) return { code: 'batch_too_large' };
  }
  const shared = { context, integrations, sentAt: sentAt ?? undefined };
  return { envelope: { items, slices, shared } };
}
