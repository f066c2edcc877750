import type { OutgoingEvent } from './outgoing.ts';

const SAMPLE_TIME = new Date(0);

/** Of a body without events. */
export const ENVELOPE_BYTES = Buffer.byteLength(bodyOf([], SAMPLE_TIME, SAMPLE_TIME));

/** The body of a request. Its size is that of the envelope, the events, and a comma between them. */
export function bodyOf(events: readonly OutgoingEvent[], timestamp: Date, sentAt: Date): string {
  const batch = events.map((event) => event.json).join(',');
  return `{"batch":[${batch}],"timestamp":"${timestamp.toISOString()}","sentAt":"${sentAt.toISOString()}"}`;
}
