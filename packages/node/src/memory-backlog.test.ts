import { BATCH_MAX_BYTES, BATCH_MAX_COUNT } from '@millrace/spec';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from './backlog.ts';
import { bodyOf, WRITE_KEY_ROOM_BYTES } from './body.ts';
import { MemoryBacklog } from './memory-backlog.ts';
import type { OutgoingEvent } from './outgoing.ts';

function event(text: string): OutgoingEvent {
  const json = JSON.stringify({ text });
  return { json, bytes: Buffer.byteLength(json), callback: undefined };
}

const NOW = new Date();
const bodyBytes = (events: readonly OutgoingEvent[]): number => Buffer.byteLength(bodyOf(events, NOW, NOW));

const bytesOf = (events: readonly OutgoingEvent[]): number =>
  events.reduce((sum, { bytes }) => sum + bytes, 0);

function cutAll(backlog: MemoryBacklog): OutgoingEvent[][] {
  const batches: OutgoingEvent[][] = [];
  while (backlog.count > 0) batches.push([...backlog.cut().events]);
  return batches;
}

describe('MemoryBacklog', () => {
  it('cuts batches that stay within the limits on the wire, are never empty and keep the order', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constant('水'.repeat(10_000)));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 60 }), (texts) => {
        const events = texts.map(event);
        const backlog = new MemoryBacklog();
        backlog.add(events);
        const batches = cutAll(backlog);
        expect(batches.flat()).toEqual(events);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(bodyBytes(batch)).toBeLessThanOrEqual(BATCH_MAX_BYTES);
        }
        expect(backlog.bytes).toBe(0);
      }),
    );
  });

  it('fills a body to the last byte, but for the write key that may have to go into it', () => {
    const backlog = new MemoryBacklog();
    const fullBytes = BATCH_MAX_BYTES - WRITE_KEY_ROOM_BYTES;
    const room = fullBytes - bodyBytes([event(''), event('')]);
    backlog.add([event('x'.repeat(room)), event('')]);
    expect(cutAll(backlog).map((batch) => [batch.length, bodyBytes(batch)])).toEqual([[2, fullBytes]]);
    backlog.add([event('x'.repeat(room + 1)), event('')]);
    expect(cutAll(backlog).map((batch) => batch.length)).toEqual([1, 1]);
  });

  it('cuts at the largest count', () => {
    const backlog = new MemoryBacklog();
    backlog.add(Array.from({ length: BATCH_MAX_COUNT + 1 }, () => event('')));
    expect(cutAll(backlog).map((batch) => batch.length)).toEqual([BATCH_MAX_COUNT, 1]);
  });

  it('sends alone what fits no body, since the server is to refuse it', () => {
    const backlog = new MemoryBacklog();
    backlog.add([event('x'.repeat(BATCH_MAX_BYTES)), event('')]);
    expect(cutAll(backlog).map((batch) => batch.length)).toEqual([1, 1]);
  });

  it('counts and orders rightly through any mix of adding, cutting and dropping', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 3_000 }) }) },
      fc.constant('cut' as const),
      { weight: 3, arbitrary: fc.record({ drop: fc.integer({ min: 0, max: 2_000 }) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const backlog = new MemoryBacklog();
        const model: OutgoingEvent[] = [];
        let made = 0;
        let taken = 0;
        for (const step of steps) {
          const removed: OutgoingEvent[] = [];
          const take = (batch: Batch | undefined): void => {
            if (!batch) return;
            expect(batch.from).toBe(taken);
            expect(batch.bytes).toBe(bytesOf(batch.events));
            taken += batch.events.length;
            removed.push(...batch.events);
          };
          if (step === 'cut') {
            if (model.length > 0) take(backlog.cut());
          } else if ('add' in step) {
            const events = Array.from({ length: step.add }, () => event(String((made += 1))));
            backlog.add(events);
            model.push(...events);
          } else {
            for (let at = 0; at < step.drop; at += 1) take(backlog.dropOldest());
          }
          expect(removed).toEqual(model.splice(0, removed.length));
          expect(backlog.count).toBe(model.length);
          expect(backlog.bytes).toBe(bytesOf(model));
        }
      }),
      { numRuns: 30 },
    );
  });
});
