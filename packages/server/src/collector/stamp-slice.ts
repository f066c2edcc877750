import type { EventSlice } from './scan.ts';
import type { Stamps } from './stamps.ts';

/** What an event lacks and is given; what is undefined is not written. */
export interface Lacking {
  type?: string | undefined;
  sentAt?: unknown;
  messageId?: string | undefined;
}

/** The event's bytes with the stamps, and with what else it lacks. */
export function stampSlice(slice: EventSlice, stamps: Stamps, lacking: Lacking): Buffer {
  const { body, start, end, timestamp } = slice;
  // What is replaced in its place, and from where on the rest stands as it came: up to the closing brace.
  const inPlace = timestamp ? JSON.stringify(stamps.timestamp) : '';
  const inPlaceStart = timestamp ? timestamp.start : start;
  const restStart = timestamp ? timestamp.end : start;
  const tail =
    `,"receivedAt":"${stamps.receivedAt}"` +
    (timestamp ? '' : member('timestamp', stamps.timestamp)) +
    member('originalTimestamp', stamps.originalTimestamp) +
    member('sentAt', lacking.sentAt) +
    member('messageId', lacking.messageId) +
    member('type', lacking.type) +
    '}';
  const sliceBytes = inPlaceStart - start + (end - 1 - restStart);
  const bytes = Buffer.allocUnsafe(sliceBytes + Buffer.byteLength(inPlace) + Buffer.byteLength(tail));
  let at = body.copy(bytes, 0, start, inPlaceStart);
  at += bytes.write(inPlace, at);
  at += body.copy(bytes, at, restStart, end - 1);
  bytes.write(tail, at);
  return bytes;
}

function member(name: string, value: unknown): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}
