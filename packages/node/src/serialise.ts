import { EVENT_MAX_BYTES, EVENT_TYPES, MESSAGE_TOO_LARGE } from '@millrace/spec';
import { usageError } from './errors.ts';
import type { NextMessageId } from './message-id.ts';
import { byteLength, RUNTIME_METADATA } from './platform.ts';

/** An event as it goes over the wire, enrichment included, and its size in UTF-8. */
export interface WireEvent {
  json: string;
  bytes: number;
}

export type Serialise = (type: string, message: object) => WireEvent;

/** Top-level keys that a message may have by the Segment spec; any others are kept as well. */
interface Message {
  userId?: unknown;
  anonymousId?: unknown;
  event?: unknown;
  name?: unknown;
  category?: unknown;
  groupId?: unknown;
  previousId?: unknown;
  properties?: unknown;
  traits?: unknown;
  context?: unknown;
  integrations?: unknown;
  timestamp?: unknown;
  messageId?: unknown;
  _metadata?: unknown;
  [key: string]: unknown;
}

/** Written by name below; `type` is the method's, not the message's. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  'type',
  'userId',
  'anonymousId',
  'event',
  'name',
  'category',
  'groupId',
  'previousId',
  'properties',
  'traits',
  'context',
  'integrations',
  'timestamp',
  'messageId',
  '_metadata',
]);

/**
 * Makes the bytes of an event, once, at the call: what a program does to its message afterwards is
 * not sent. Building an enriched copy and stringifying that costs twice as much as stringifying the
 * message, so the enrichment is spliced in as text between the parts that the message gives. What is
 * the same for many events is one piece of text: each piece that is joined costs.
 *
 * The enrichment is that of analytics-node 6.2: `context.library`, `_metadata.nodeVersion`,
 * `timestamp` and `messageId` where absent, and ids as text.
 *
 * @throws Error `Your message must be < 32kb.` from 32,768 bytes of UTF-8 on, and TypeError for what
 * JSON cannot hold (a cycle, a BigInt).
 */
export function createSerialiser(
  library: { name: string; version: string },
  nextMessageId: NextMessageId,
  nowMs: () => number,
): Serialise {
  const contextOf = enrichmentOf('context', 'library', library);
  const metadataOf = enrichmentOf('_metadata', ...RUNTIME_METADATA);
  const commonMetadata = metadataOf(undefined);
  const nowJson = textOfTime(nowMs, (time) => `,"timestamp":"${time}"`);
  const commonEnd = textOfTime(nowMs, (time) => `${commonMetadata},"timestamp":"${time}","messageId":"`);

  /** Metadata, timestamp and messageId of a message that lacks one of them at least. */
  const endOf = ({ _metadata, timestamp, messageId }: Message): string => {
    let json = metadataOf(_metadata);
    json += timestamp ? member(',"timestamp":', timestamp) : nowJson();
    return `${json}${member(',"messageId":', messageId || nextMessageId())}}`;
  };

  return (type, fields) => {
    const message = fields as Message;
    // A program may call `enqueue` itself, and one bad event would spoil the whole batch.
    let json = STARTS.get(type) ?? `{"type":${(JSON.stringify(type) as string | undefined) ?? 'null'}`;
    json += contextOf(message.context);
    json += member(',"userId":', idText(message.userId));
    json += member(',"anonymousId":', idText(message.anonymousId));
    json += member(',"event":', message.event);
    json += member(',"name":', message.name);
    json += member(',"category":', message.category);
    json += member(',"groupId":', message.groupId);
    json += member(',"previousId":', message.previousId);
    json += member(',"properties":', message.properties);
    json += member(',"traits":', message.traits);
    json += member(',"integrations":', message.integrations);
    for (const key of Object.keys(message)) {
      if (!KNOWN_KEYS.has(key)) json += member(`,${JSON.stringify(key)}:`, message[key]);
    }
    const { _metadata, timestamp, messageId } = message;
    // Our ids hold nothing that JSON escapes.
    if (_metadata === undefined && !timestamp && !messageId) json += `${commonEnd()}${nextMessageId()}"}`;
    else json += endOf(message);
    const bytes = byteLength(json);
    if (bytes >= EVENT_MAX_BYTES) throw usageError(MESSAGE_TOO_LARGE);
    return { json, bytes };
  };
}

const STARTS: ReadonlyMap<string, string> = new Map(EVENT_TYPES.map((type) => [type, `{"type":"${type}"`]));

/** The text of one member; nothing for what JSON leaves out (undefined, a function, a symbol). */
function member(prefix: string, value: unknown): string {
  if (value === undefined) return '';
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? '' : prefix + json;
}

/** Ids may be numbers by analytics-node's rules, and are sent as text by the spec's. */
function idText(id: unknown): unknown {
  return id && typeof id !== 'string' ? JSON.stringify(id) : id;
}

/** `name: {key: value, ...given}` as a text member. */
function enrichmentOf(name: string, key: string, value: unknown): (given: unknown) => string {
  const prefix = `,${JSON.stringify(name)}:`;
  const open = `${prefix}{${JSON.stringify(key)}:${JSON.stringify(value)}`;
  return (given) => {
    if (given === undefined || given === null) return `${open}}`;
    if (!isPlain(given) || key in given) return member(prefix, Object.assign({ [key]: value }, given));
    const json = JSON.stringify(given);
    return json === '{}' ? `${open}}` : `${open},${json.slice(1)}`;
  };
}

/** Whether its JSON is surely that of its own members, so that text can be spliced into it. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Text that holds the time: events come many a millisecond, and it costs as much as a small event. */
function textOfTime(nowMs: () => number, textOf: (time: string) => string): () => string {
  let atMs = Number.NaN;
  let text = '';
  return () => {
    const ms = nowMs();
    if (ms !== atMs) {
      atMs = ms;
      text = textOf(new Date(ms).toISOString());
    }
    return text;
  };
}
