import { hash } from 'node:crypto';

const scratch = Buffer.alloc(32);

/**
 * The first 16 bytes of SHA-256(source id, 0x00, messageId), one Latin-1 character a byte: what
 * duplicates are known by. A weaker hash would let whoever knows a browser's public write key
 * make an event that suppresses another.
 */
export function eventHash(sourceId: string, messageId: string): string {
  // A slice of the digest would keep the whole of it in memory for as long as the hash is known.
  scratch.write(hash('sha256', `${sourceId}\0${messageId}`, 'binary'), 'latin1');
  return scratch.toString('latin1', 0, 16);
}
