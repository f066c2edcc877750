import { hash } from 'node:crypto';

/**
 * The first 16 bytes of SHA-256(source id, 0x00, messageId), one Latin-1 character a byte: what
 * duplicates are known by. A weaker hash would let whoever knows a browser's public write key
 * make an event that suppresses another.
 */
export function eventHash(sourceId: string, messageId: string): string {
  // A slice keeps the whole digest in memory: for as long as the event is in flight, then its words are known.
  return hash('sha256', `${sourceId}\0${messageId}`, 'binary').slice(0, 16);
}
