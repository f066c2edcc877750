import { faultOfEvent, isJsonObject, type JsonObject, type RefusalCode } from '@millrace/spec';
import type { NewEvent } from '../log/log.ts';
import type { Envelope, Shared } from './envelope.ts';
import { jsonOf } from './json.ts';
import type { CollectorLimits } from './limits.ts';
import type { RefusedEvent } from './refusal.ts';
import type { Route } from './routes.ts';
import type { EventSlice } from './scan.ts';
import { stampSlice } from './stamp-slice.ts';
import { stamper, type Stamp } from './stamps.ts';

export interface Acceptance {
  route: Route;
  sourceId: string;
  /** By the collector's clock, milliseconds since the epoch. */
  receivedAtMs: number;
  limits: CollectorLimits;
  newMessageId: () => string;
}

/** What becomes of the items of one request, before the log has its say. */
export interface Judgement {
  /** Ready for the log. */
  events: NewEvent[];
  refused: RefusedItem[];
}

export interface RefusedItem extends RefusedEvent {
  /** Among the items of the request. */
  index: number;
  code: RefusalCode;
}

/** Completes, validates and stamps each item; each one stands or falls alone. */
export function judge({ items, shared, slices }: Envelope, acceptance: Acceptance): Judgement {
  const judgement: Judgement = { events: [], refused: [] };
  const stamp = stamper(acceptance.receivedAtMs);
  for (const [index, item] of items.entries()) {
    const slice = slices?.[index];
    const verdict = slice
      ? judgeSlice(item as JsonObject, slice, shared.sentAt, stamp, acceptance)
      : judgeItem(item, shared, stamp, acceptance);
    if ('code' in verdict) judgement.refused.push({ index, ...verdict });
    else judgement.events.push(verdict.event);
  }
  return judgement;
}

type ItemVerdict = { event: NewEvent } | (RefusedEvent & { code: RefusalCode });

/** An event whose bytes stay as they came: `fields` are those that it is judged by, and nothing else of it. */
function judgeSlice(
  fields: JsonObject,
  slice: EventSlice,
  sentAt: unknown,
  stamp: Stamp,
  { route, sourceId, receivedAtMs, limits, newMessageId }: Acceptance,
): ItemVerdict {
  const sizeBytes = slice.end - slice.start;
  const refuse = (code: RefusalCode): ItemVerdict => ({ code, event: parsed(slice), sizeBytes });
  const lacking = {
    type: route !== 'batch' && fields['type'] === undefined ? route : undefined,
    sentAt: fields['sentAt'] === undefined ? sentAt : undefined,
    messageId: fields['messageId'] === undefined ? newMessageId() : undefined,
  };
  if (lacking.type !== undefined) fields['type'] = lacking.type;
  if (lacking.sentAt !== undefined) fields['sentAt'] = lacking.sentAt;
  const fault = faultOfEvent(fields);
  if (fault) return refuse(fault);
  if (sizeBytes > limits.eventMaxBytes) return refuse('message_too_large');
  const { stamps, flags } = stamp(fields);
  const messageId = lacking.messageId ?? (fields['messageId'] as string);
  return { event: { sourceId, messageId, receivedAtMs, flags, json: stampSlice(slice, stamps, lacking) } };
}

function parsed({ body, start, end }: EventSlice): unknown {
  return JSON.parse(body.toString('utf8', start, end));
}

/** Writes into the item, which was parsed for this alone: a copy of each event costs as much as its parsing. */
function judgeItem(item: unknown, shared: Shared, stamp: Stamp, acceptance: Acceptance): ItemVerdict {
  const { route, sourceId, receivedAtMs, limits } = acceptance;
  if (!isJsonObject(item)) return refused('invalid_event', item);
  const { type, sentAt, timestamp, originalTimestamp, receivedAt, messageId: ownMessageId } = item;

  share(item, shared);
  // The path names the type, as in Segment's HTTP API; a `type` in the body of such a request is idle.
  if (route !== 'batch') item['type'] = route;
  const fault = faultOfEvent(item);
  if (fault) return refused(fault, item);

  const { stamps, flags } = stamp(item);
  const messageId = (ownMessageId ?? acceptance.newMessageId()) as string;
  Object.assign(item, stamps, { messageId });
  const json = jsonOf(item);
  if (!json) return refused('invalid_event', item);
  // What we set does not count, but to know how much that is takes a second pass: only for the few that need it.
  if (json.length > limits.eventMaxBytes) {
    const sent = { type, sentAt, timestamp, originalTimestamp, receivedAt, messageId: ownMessageId };
    const sizeBytes = jsonOf({ ...item, ...sent })?.length ?? json.length;
    if (sizeBytes > limits.eventMaxBytes) return { code: 'message_too_large', event: item, sizeBytes };
  }
  return { event: { sourceId, messageId, receivedAtMs, flags, json } };
}

/** Gives the item what its batch shares, and takes its write key: that is nobody's business further on. */
function share(item: JsonObject, { context, integrations, sentAt }: Shared): void {
  if (isJsonObject(context)) item['context'] = merged(context, item['context']);
  if (isJsonObject(integrations)) item['integrations'] = merged(integrations, item['integrations']);
  if (sentAt !== undefined) item['sentAt'] ??= sentAt;
  // Not `delete`, which would turn the object into a slow one; JSON leaves it out as well.
  if (Object.hasOwn(item, 'writeKey')) item['writeKey'] = undefined;
}

/**
 * The item's own keys win; what is there and is no object stays as it came. Spread, unlike
 * assignment, keeps a `__proto__` that came as JSON a plain field.
 */
function merged(shared: JsonObject, own: unknown): unknown {
  if (own === undefined || own === null) return shared;
  return isJsonObject(own) ? { ...shared, ...own } : own;
}

function refused(code: RefusalCode, event: unknown): RefusedEvent & { code: RefusalCode } {
  return { code, event, sizeBytes: jsonOf(event)?.length };
}
