import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../log.ts';
import { eventHash } from './event-hash.ts';
import { FrameCursor } from './frame-cursor.ts';
import { MAX_FRAME_BYTES, decodeFrame, encodeEntries, encodeFrame, entryHashAt } from './frame.ts';

const position = fc.nat({ max: Number.MAX_SAFE_INTEGER - 1000 });
const events = fc.array(
  fc.record<NewEvent>({
    sourceId: fc.string({ unit: 'grapheme' }),
    messageId: fc.string(),
    receivedAtMs: fc.nat({ max: 2 ** 48 - 1 }),
    flags: fc.nat({ max: 0xffff }),
    json: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  }),
  { minLength: 1, maxLength: 5 },
);

function encode(basePosition: number, all: readonly NewEvent[]): Buffer {
  const entries = encodeEntries(
    all.map((event) => ({ event, hash: eventHash(event.sourceId, event.messageId) })),
  );
  return Buffer.concat(encodeFrame(basePosition, all.length, [entries]));
}

describe('frame', () => {
  it('holds all of each event', () => {
    fc.assert(
      fc.property(position, events, (base, all) => {
        const decoded = decodeFrame(Buffer.concat([encode(base, all), Buffer.from('rest')]), base);
        if (decoded.kind !== 'frame') throw new Error(decoded.kind);
        const cursor = new FrameCursor(decoded.frame);
        const records = all.map(() => cursor.take());
        expect(records).toEqual(
          all.map(({ sourceId, receivedAtMs, flags, json }, i) => ({
            partition: 0,
            position: base + i,
            sourceId,
            receivedAtMs,
            flags,
            json,
          })),
        );
        expect(cursor.position).toBe(cursor.endPosition);
      }),
    );
  });

  it('is refused when a byte of it is damaged, or it is cut, or stands at another position', () => {
    fc.assert(
      fc.property(position, events, fc.nat(), fc.integer({ min: 1, max: 255 }), (base, all, at, mask) => {
        const bytes = encode(base, all);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(decodeFrame(cut, base).kind).toBe('incomplete');
        expect(decodeFrame(bytes, base + 1).kind).toBe('bad');
        bytes.writeUInt8(bytes.readUInt8(at % bytes.length) ^ mask, at % bytes.length);
        expect(decodeFrame(bytes, base).kind).not.toBe('frame');
      }),
    );
  });

  it('is not found in any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeFrame(Buffer.from(bytes), 0).kind).not.toBe('frame');
      }),
    );
    expect(decodeFrame(Buffer.alloc(100), 0).kind).toBe('bad');
  });

  it('asks for no more memory than a frame may take', () => {
    const header = Buffer.alloc(20);
    header.writeUInt32LE(MAX_FRAME_BYTES, 0);
    expect(decodeFrame(header, 0).kind).toBe('bad');
  });

  it('carries the first 16 bytes of the SHA-256 of source id, zero byte and messageId', () => {
    const event = { sourceId: 'web', messageId: 'm1', receivedAtMs: 0, flags: 0, json: Buffer.from('{}') };
    const entries = encodeEntries([{ event, hash: eventHash('web', 'm1') }]);
    // printf 'web\0m1' | sha256sum
    expect(entries.toString('hex', entryHashAt(0), entryHashAt(0) + 16)).toBe(
      '77d0b1909aff2d5b5d57e44f0ce6b3dc',
    );
  });
});
