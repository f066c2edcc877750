import type { FailureCode, FilterCode, SegmentEvent } from '@millrace/spec';
import type { Clock } from '../clock.ts';
import type {
  DeliveryContext,
  DeliveryEvent,
  DeliveryResult,
  Destination,
  Outcome,
  Transform,
} from '../destinations/destination.ts';
import { describeError, type RouterLogger } from './describe-error.ts';
import type { Rules } from './filters/rules.ts';
import { DEFAULT_DELIVER_TIMEOUT_MS } from './offer.ts';
import { DEFAULT_TRANSFORM_TIMEOUT_MS, transformed } from './transform.ts';

export interface PreparationOptions {
  destinationId: string;
  rules: Rules;
  transform?: Transform | undefined;
  transformTimeoutMs?: number | undefined;
  clock: Clock;
  logger: RouterLogger;
}

/** How many events a transform may have in hand at a time. */
const TRANSFORMS_AT_ONCE = 32;

type Prepared = { kind: 'send'; event: DeliveryEvent } | { kind: 'decided'; outcome: Outcome };

/**
 * A destination that is given its events as the filters of fields and the transform of the config leave them. All of it
 * happens within `deliver`, where an event's place is taken and nothing of its person may pass, and again with each attempt:
 * what is kept of an event is what was received.
 */
export function preparedDestination(destination: Destination, options: PreparationOptions): Destination {
  const { rules, transform } = options;
  if (!rules.shapes && !rules.runsCode && !transform) return destination;
  const { transformTimeoutMs = DEFAULT_TRANSFORM_TIMEOUT_MS } = options;
  const ownTimeoutMs = destination.deliverTimeoutMs ?? DEFAULT_DELIVER_TIMEOUT_MS;
  return {
    ...destination,
    // What a preparation may take, see below: the time of the destination is its own.
    deliverTimeoutMs: ownTimeoutMs + (transform ? 2 * transformTimeoutMs : 0),
    async deliver(events, context) {
      const prepared = await prepareAll(events, context.signal, destination, options);
      context.signal.throwIfAborted();
      const given = prepared.slice(0, fittingCount(prepared, destination.batch.maxBytes));
      return deliverPrepared(given, context, destination);
    },
  };
}

/**
 * In order, and of all or of so many as are begun within the time of one transform: a batch of slow ones is cut, and no
 * delivery is in preparation for more than twice that time.
 */
async function prepareAll(
  events: readonly DeliveryEvent[],
  signal: AbortSignal,
  destination: Destination,
  options: PreparationOptions,
): Promise<Prepared[]> {
  const { clock, transformTimeoutMs = DEFAULT_TRANSFORM_TIMEOUT_MS } = options;
  const lastStartMs = clock.nowMs() + transformTimeoutMs;
  const prepared: Prepared[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    do {
      signal.throwIfAborted();
      const index = next;
      next += 1;
      prepared[index] = await prepare(events[index]!, destination, options);
    } while (next < events.length && clock.nowMs() < lastStartMs);
  };
  await Promise.all(Array.from({ length: Math.min(TRANSFORMS_AT_ONCE, events.length) }, work));
  return prepared;
}

async function prepare(
  { event: received, json, ...rest }: DeliveryEvent,
  destination: Destination,
  { rules, transform, transformTimeoutMs, ...options }: PreparationOptions,
): Promise<Prepared> {
  const copy = JSON.parse(json.toString()) as SegmentEvent;
  try {
    const code = rules.codeOf(received);
    if (code) return filtered(code);
    rules.shape(copy, received);
  } catch (error) {
    return failed('FILTER_FAILED', error, received, options);
  }
  if (!transform)
    return { kind: 'send', event: { ...rest, event: copy, json: Buffer.from(JSON.stringify(copy)) } };
  const timeoutMs = transformTimeoutMs ?? DEFAULT_TRANSFORM_TIMEOUT_MS;
  const result = await transformed(transform, copy, { timeoutMs, clock: options.clock });
  if (result.kind === 'failed') return failed('TRANSFORM_FAILED', result.error, received, options);
  if (result.kind === 'dropped') return filtered('FILTERED_BY_TRANSFORM');
  if (!destination.accepts.includes(result.event.type)) return filtered('UNSUPPORTED_EVENT_TYPE');
  return { kind: 'send', event: { ...rest, event: result.event, json: result.json } };
}

function filtered(code: FilterCode): Prepared {
  return { kind: 'decided', outcome: { kind: 'filtered', code } };
}

function failed(
  code: FailureCode,
  error: unknown,
  { messageId }: SegmentEvent,
  { destinationId, logger }: Pick<PreparationOptions, 'destinationId' | 'logger'>,
): Prepared {
  logger.warn({ destinationId, messageId, code, ...describeError(error) }, 'the code of the config failed');
  return { kind: 'decided', outcome: { kind: 'rejected', code } };
}

/** Events may have grown: those that make the batch too large wait for the next one. At least one is sent. */
function fittingCount(prepared: readonly Prepared[], maxBytes: number): number {
  let bytes = 0;
  let sendCount = 0;
  for (const [index, each] of prepared.entries()) {
    if (each.kind !== 'send') continue;
    bytes += each.event.json.length;
    if (bytes > maxBytes && sendCount > 0) return index;
    sendCount += 1;
  }
  return prepared.length;
}

/** The outcomes of those that are sent, put among the outcomes of those that are not. */
async function deliverPrepared(
  prepared: readonly Prepared[],
  context: DeliveryContext,
  destination: Destination,
): Promise<DeliveryResult> {
  const sent = prepared.flatMap((each) => (each.kind === 'send' ? [each.event] : []));
  const result = sent.length > 0 ? await destination.deliver(sent, context) : { outcomes: [] };
  // What breaks the contract is for the router to find, as of any destination.
  if (!Array.isArray(result?.outcomes) || result.outcomes.length > sent.length)
    return brokenBy(result, prepared);
  const left = [...result.outcomes];
  const outcomes: Outcome[] = [];
  for (const each of prepared) {
    const outcome = each.kind === 'decided' ? each.outcome : left.shift();
    if (!outcome) break;
    outcomes.push(outcome);
  }
  return { ...result, outcomes };
}

/** More outcomes than events stay more than there are, with those that were not sent. */
function brokenBy(result: DeliveryResult, prepared: readonly Prepared[]): DeliveryResult {
  if (!Array.isArray(result?.outcomes)) return result;
  const extra: Outcome[] = prepared.map(() => ({ kind: 'delivered' }));
  return { ...result, outcomes: [...result.outcomes, ...extra] };
}
