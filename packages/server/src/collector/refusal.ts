import { isJsonObject, type RefusalCode } from '@millrace/spec';

/** An event or a whole request that was not kept, or a duplicate; for those who watch. */
export interface Refusal {
  code: RefusalCode;
  /** By the collector's clock, milliseconds since the epoch. */
  receivedAtMs: number;
  /** Of the event's JSON; of the body where the whole request was refused or the event is nested too deep. */
  sizeBytes: number;
  /** Absent when the refusal came before the source was known. */
  sourceId?: string;
  /** `name/version` of the sender's library, by the event's `context.library`, else the User-Agent. */
  sdk?: string;
  /** This and the next two as they were sent, cut at 200 characters. */
  type?: string;
  eventName?: string;
  messageId?: string;
  /** The event as far as it could be read; can be written as JSON. Without its write key. */
  event?: unknown;
}

/** The request that a refusal belongs to. */
export interface RequestFacts {
  receivedAtMs: number;
  /** Of the body. */
  sizeBytes: number;
  userAgent: string | undefined;
  sourceId?: string;
}

const SHOWN_MAX_CHARS = 200;

export function refusedRequest(code: RefusalCode, request: RequestFacts): Refusal {
  const { receivedAtMs, sizeBytes, sourceId } = request;
  return {
    code,
    receivedAtMs,
    sizeBytes,
    ...(sourceId === undefined ? {} : { sourceId }),
    ...shown('sdk', request.userAgent),
  };
}

export interface RefusedEvent {
  event: unknown;
  /** Of its JSON; undefined when it is nested too deep to be passed on. */
  sizeBytes: number | undefined;
}

export function refusedEvent(code: RefusalCode, request: RequestFacts, refused: RefusedEvent): Refusal {
  const { event, sizeBytes } = refused;
  const fields = isJsonObject(event) ? event : {};
  return {
    ...refusedRequest(code, request),
    ...shown('sdk', libraryOf(fields['context'])),
    ...shown('type', fields['type']),
    ...shown('eventName', fields['event']),
    ...shown('messageId', fields['messageId']),
    ...(sizeBytes === undefined ? {} : { sizeBytes, event }),
  };
}

function shown<K extends string>(key: K, value: unknown): { [key in K]?: string } {
  if (typeof value !== 'string') return {};
  return { [key]: value.slice(0, SHOWN_MAX_CHARS) } as { [key in K]: string };
}

function libraryOf(context: unknown): string | undefined {
  const library = isJsonObject(context) ? context['library'] : undefined;
  if (!isJsonObject(library) || typeof library['name'] !== 'string') return undefined;
  return typeof library['version'] === 'string'
    ? `${library['name']}/${library['version']}`
    : library['name'];
}
