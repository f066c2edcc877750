import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32, tableCrc32 } from './crc32.ts';
import {
  decodeSettled,
  encodeFileHeader,
  encodeRecords,
  encodeSettled,
  FILE_HEADER_BYTES,
  SETTLED_AT,
  scanRecords,
  type RecordedEvent,
} from './record.ts';

const recorded = (value: unknown): RecordedEvent => {
  const json = JSON.stringify(value);
  return { json, bytes: Buffer.byteLength(json) };
};

const someEvents = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()).map(recorded), {
  maxLength: 12,
});

function fileOf(events: readonly RecordedEvent[]): Buffer {
  return Buffer.concat([encodeFileHeader(), encodeRecords(events, 0)]);
}

/** Where each record of `fileOf(events)` starts and ends. */
function places(events: readonly RecordedEvent[]): { start: number; end: number }[] {
  let end = FILE_HEADER_BYTES;
  return events.map((event) => {
    const start = end;
    end += encodeRecords([event], 0).length;
    return { start, end };
  });
}

function read(file: Buffer): { events: [index: number, json: string][]; end: number } {
  const events: [number, string][] = [];
  const end = scanRecords(file, ({ index, jsonStart, end: jsonEnd }) =>
    events.push([index, file.toString('utf8', jsonStart, jsonEnd)]),
  );
  return { events, end };
}

const all = (events: readonly RecordedEvent[]): [number, string][] =>
  events.map(({ json }, index) => [index, json]);

describe('records', () => {
  it('come back as they were written, whatever the events', () => {
    fc.assert(
      fc.property(someEvents, (events) => {
        const file = fileOf(events);
        expect(read(file)).toEqual({ events: all(events), end: file.length });
      }),
    );
  });

  it('cut off anywhere lose the torn one and those behind it, nothing else', () => {
    fc.assert(
      fc.property(someEvents, fc.nat(), (events, cut) => {
        const file = fileOf(events);
        const length = cut % (file.length + 1);
        const whole = all(events).filter((_, index) => places(events)[index]!.end <= length);
        expect(read(file.subarray(0, length)).events).toEqual(whole);
      }),
    );
  });

  it('lose what is damaged and nothing else, and never become something else', () => {
    const damage = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }) });
    fc.assert(
      fc.property(someEvents, damage, (events, { at, bytes }) => {
        const file = fileOf(events);
        const from = at % file.length;
        const damaged = Buffer.from(file);
        damaged.set(bytes.subarray(0, file.length - from), from);
        const to = Math.min(file.length, from + bytes.length);
        const expected = all(events).filter((_, index) => {
          const { start, end } = places(events)[index]!;
          return damaged.subarray(start, end).equals(file.subarray(start, end)) || end <= from || start >= to;
        });
        expect(read(damaged).events).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('are found again behind bytes that were put in or left out', () => {
    fc.assert(
      fc.property(
        someEvents,
        fc.nat(),
        fc.nat({ max: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        (events, at, leftOut, putIn) => {
          const file = fileOf(events);
          const from = FILE_HEADER_BYTES + (at % (file.length - FILE_HEADER_BYTES + 1));
          const damaged = Buffer.concat([file.subarray(0, from), putIn, file.subarray(from + leftOut)]);
          const found = read(damaged).events;
          const known = new Map(all(events));
          for (const [index, json] of found) expect(json).toBe(known.get(index));
          const untouched = all(events).filter((_, index) => {
            const { start, end } = places(events)[index]!;
            return end <= from || start >= from + leftOut;
          });
          expect(found).toEqual(expect.arrayContaining(untouched));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('cannot be smuggled in by the JSON of an event', () => {
    const inner = encodeRecords([recorded('smuggled')], 7).toString('latin1');
    const file = fileOf([recorded(inner), recorded('next')]);
    file[FILE_HEADER_BYTES] = 0;
    expect(read(file).events).toEqual([[1, '"next"']]);
  });

  it('that were written a second time after a failure count once', () => {
    const events = [1, 2, 3].map(recorded);
    const leftover = encodeRecords(events.slice(1), 1);
    expect(read(Buffer.concat([fileOf(events), leftover])).events).toEqual(all(events));
  });
});

describe('the number of settled records', () => {
  it('is kept in the header', () => {
    const file = fileOf([recorded('a')]);
    expect(decodeSettled(file)).toBe(0);
    file.set(encodeSettled(123_456), SETTLED_AT);
    expect(decodeSettled(file)).toBe(123_456);
  });

  it('is none where a byte of it is damaged', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 7 }), fc.integer({ min: 1, max: 255 }), (count, at, bits) => {
        const file = fileOf([]);
        file.set(encodeSettled(count), SETTLED_AT);
        file[SETTLED_AT + at]! ^= bits;
        expect(decodeSettled(file)).toBe(0);
      }),
    );
    expect(decodeSettled(Buffer.alloc(FILE_HEADER_BYTES))).toBe(0);
    expect(decodeSettled(Buffer.alloc(3))).toBe(0);
  });
});

describe('CRC-32', () => {
  it('is the same by the table as by zlib', () => {
    const byTable = tableCrc32();
    expect(byTable(Buffer.from('123456789'))).toBe(0xcbf43926);
    fc.assert(fc.property(fc.uint8Array(), (bytes) => byTable(bytes) === crc32(bytes)));
  });
});
