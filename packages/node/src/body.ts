import type { OutgoingEvent } from './outgoing.ts';
import { byteLength } from './platform.ts';

const SAMPLE_TIME = new Date(0);

/** For the write key, which goes into the body where a token takes its place in the header. */
export const WRITE_KEY_ROOM_BYTES = 300;

/** Of a body without events. */
export const ENVELOPE_BYTES = byteLength(bodyOf([], SAMPLE_TIME, SAMPLE_TIME)) + WRITE_KEY_ROOM_BYTES;

/**
 * The body of a request. Its size is that of the envelope, the events, and a comma between them. Text
 * that is added piece by piece is copied once, when it becomes bytes; `join` would copy it before.
 */
export function bodyOf(events: readonly OutgoingEvent[], timestamp: Date, sentAt: Date): string {
  let body = '{"batch":[';
  let separator = '';
  for (const { json } of events) {
    body += separator + json;
    separator = ',';
  }
  return `${body}],"timestamp":"${timestamp.toISOString()}","sentAt":"${sentAt.toISOString()}"}`;
}
