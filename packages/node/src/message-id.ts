import { randomFill, TextDecoder } from './platform.ts';

/** Of an id as analytics-node has it, with a random uuid: x is any hex digit, y one of 8, 9, a and b. */
const FORM = 'node-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx';
const LETTERS = '0123456789abcdefno-';
const POOL_COUNT = 128;

export type NextMessageId = () => string;

/**
 * Ids in the form of analytics-node, `node-<32 hex digits>-<uuid>`. It hashed the message for the
 * first part; random digits do the same for a fraction of the time. They are made in bulk as one
 * text, of which an id is a slice: text that is put together from pieces has to be copied together
 * again, piece by piece, when the event is sent.
 */
export function createMessageIds(
  fill: (bytes: Uint8Array<ArrayBuffer>) => unknown = randomFill,
): NextMessageId {
  const letters = Uint8Array.from(LETTERS, (letter) => letter.charCodeAt(0));
  // A random byte becomes the letter at `(byte & mask) | base`.
  const masks = Uint8Array.from(FORM, (letter) => (letter === 'x' ? 15 : letter === 'y' ? 3 : 0));
  const bases = Uint8Array.from(FORM, (letter) =>
    letter === 'x' ? 0 : letter === 'y' ? 8 : LETTERS.indexOf(letter),
  );
  const bytes = new Uint8Array(POOL_COUNT * FORM.length);
  const decoder = new TextDecoder();
  let ids = '';
  let next = 0;
  return () => {
    if (next === ids.length) {
      fill(bytes);
      for (let start = 0; start < bytes.length; start += FORM.length) {
        for (let at = 0; at < FORM.length; at += 1) {
          bytes[start + at] = letters[(bytes[start + at]! & masks[at]!) | bases[at]!]!;
        }
      }
      ids = decoder.decode(bytes);
      next = 0;
    }
    const start = next;
    next += FORM.length;
    return ids.slice(start, next);
  };
}
