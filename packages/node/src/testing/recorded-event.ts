import type { EventType } from '@millrace/spec';

/** An event as it goes over the wire: enriched, and its dates as text. */
export interface RecordedEvent {
  type: EventType;
  messageId: string;
  timestamp: string;
  context: Record<string, unknown>;
  [key: string]: unknown;
}

/** In one line, as in `track "Order Completed"`. */
export function titleOf(event: { type: string; [key: string]: unknown }): string {
  const name = event['event'] ?? event['name'] ?? event['groupId'] ?? event['userId'] ?? event['anonymousId'];
  return name === undefined ? event.type : `${event.type} ${JSON.stringify(name)}`;
}
