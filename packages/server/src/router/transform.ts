import { isEventType, isJsonObject, type SegmentEvent } from '@millrace/spec';
import type { Clock } from '../clock.ts';
import type { Transform } from '../destinations/destination.ts';

export const DEFAULT_TRANSFORM_TIMEOUT_MS = 5_000;

export type Transformed =
  | { kind: 'kept'; event: SegmentEvent; json: Buffer }
  | { kind: 'dropped' }
  | { kind: 'failed'; error: unknown };

export class TransformTimeout extends Error {
  override readonly name = 'TransformTimeout';
  readonly code = 'transform_timeout';
}

/**
 * Runs the code of a config on a copy of an event. Never rejects. What is kept holds only what JSON can hold, under the
 * `messageId` and `receivedAt` that the event came with.
 */
export async function transformed(
  transform: Transform,
  copy: SegmentEvent,
  { timeoutMs, clock }: { timeoutMs: number; clock: Clock },
): Promise<Transformed> {
  const { messageId, receivedAt } = copy;
  try {
    const returned = transform(copy);
    const result: unknown = isPromise(returned) ? await within(returned, timeoutMs, clock) : returned;
    if (result === null || result === undefined) return { kind: 'dropped' };
    return { kind: 'kept', ...asEvent(result, { messageId, receivedAt }) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

async function within(promise: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<unknown> {
  const settled = new AbortController();
  const late = clock.sleep(timeoutMs, settled.signal).then(() => {
    throw new TransformTimeout(`transform took longer than ${timeoutMs} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    // The sleep ends, and throws to nobody.
    late.catch(() => {});
    settled.abort();
  }
}

function asEvent(
  result: unknown,
  kept: Pick<SegmentEvent, 'messageId' | 'receivedAt'>,
): { event: SegmentEvent; json: Buffer } {
  if (!isJsonObject(result)) throw new TypeError('transform must return an event, null or undefined');
  const json = JSON.stringify({ ...result, ...kept });
  const event = JSON.parse(json) as SegmentEvent;
  if (!isEventType(event.type)) throw new TypeError('transform returned an event without a known type');
  return { event, json: Buffer.from(json) };
}
