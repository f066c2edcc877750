/** The six calls of the Segment spec. Source: https://segment.com/docs/connections/spec/ */
export const EVENT_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Only ever holds what JSON can hold. */
export type JsonObject = Record<string, unknown>;

/** An event as it stands in the log and as destinations receive it. */
export interface SegmentEvent {
  type: EventType;
  messageId: string;
  userId?: string | null;
  anonymousId?: string | null;
  /** When it happened, corrected for the sender's clock. ISO 8601. */
  timestamp: string;
  /** The `timestamp` as it was sent, if one was sent. */
  originalTimestamp?: string;
  /** When the sender sent it, by the sender's clock, if it said so. ISO 8601. */
  sentAt?: string;
  /** When the collector received it, by the collector's clock. ISO 8601. */
  receivedAt: string;
  event?: string;
  name?: string;
  category?: string;
  groupId?: string;
  previousId?: string;
  properties?: JsonObject;
  traits?: JsonObject;
  context?: JsonObject;
  integrations?: JsonObject;
  _metadata?: JsonObject;
  [field: string]: unknown;
}

export function isEventType(value: unknown): value is EventType {
  return (EVENT_TYPES as readonly unknown[]).includes(value);
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
