import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG_TIMESTAMP_SKEWED } from '../log/log.ts';
import { stamper, type SentTimes, type Stamped } from './stamps.ts';

const stamped = (sent: SentTimes, receivedAtMs: number): Stamped => stamper(receivedAtMs)(sent);

const RECEIVED_AT = '2026-03-10T12:00:00.000Z';
const receivedAtMs = Date.parse(RECEIVED_AT);

interface Row {
  name: string;
  timestamp?: string | null;
  sentAt?: string | null;
  expected: string;
  skewed?: boolean;
}

const rows: Row[] = [
  { name: 'neither: received now', expected: RECEIVED_AT },
  { name: 'null counts as absent', timestamp: null, sentAt: null, expected: RECEIVED_AT },
  {
    name: 'no sentAt: stands as sent, to the letter',
    timestamp: '2026-03-10T13:00:00+01:00',
    expected: '2026-03-10T13:00:00+01:00',
  },
  {
    name: 'a clock that is right: only the way took time',
    timestamp: '2026-03-10T11:59:50Z',
    sentAt: '2026-03-10T11:59:59Z',
    expected: '2026-03-10T11:59:51.000Z',
  },
  {
    name: 'a clock an hour fast',
    timestamp: '2026-03-10T12:59:50Z',
    sentAt: '2026-03-10T13:00:00Z',
    expected: '2026-03-10T11:59:50.000Z',
  },
  {
    name: 'a clock an hour slow',
    timestamp: '2026-03-10T10:59:50Z',
    sentAt: '2026-03-10T11:00:00Z',
    expected: '2026-03-10T11:59:50.000Z',
  },
  {
    name: 'a historical import keeps its time',
    timestamp: '2019-07-01T08:00:00.000Z',
    sentAt: RECEIVED_AT,
    expected: '2019-07-01T08:00:00.000Z',
  },
  {
    name: 'exactly 24 h off is still corrected',
    timestamp: '2026-03-09T11:59:59Z',
    sentAt: '2026-03-09T12:00:00Z',
    expected: '2026-03-10T11:59:59.000Z',
  },
  {
    name: 'more than 24 h slow: as sent, and marked',
    timestamp: '2026-03-09T11:00:00Z',
    sentAt: '2026-03-09T11:59:59.999Z',
    expected: '2026-03-09T11:00:00Z',
    skewed: true,
  },
  {
    name: 'more than 24 h fast: as sent, and marked',
    timestamp: '2030-01-01T00:00:00Z',
    sentAt: '2030-01-01T00:00:01Z',
    expected: '2030-01-01T00:00:00Z',
    skewed: true,
  },
  {
    name: 'a skewed sentAt without a timestamp is marked too',
    sentAt: '1970-01-01T00:00:00Z',
    expected: RECEIVED_AT,
    skewed: true,
  },
  { name: 'sentAt alone', sentAt: '2026-03-10T11:00:00Z', expected: RECEIVED_AT },
  {
    name: 'a date at the edge of the calendar is not moved over it',
    timestamp: '+275760-09-13T00:00:00.000Z',
    sentAt: '2026-03-10T11:00:00Z',
    expected: '+275760-09-13T00:00:00.000Z',
  },
];

describe('stampsOf', () => {
  it.each(rows)('$name', ({ timestamp, sentAt, expected, skewed = false }) => {
    const { stamps, flags } = stamped({ timestamp, sentAt }, receivedAtMs);
    expect(stamps).toEqual({
      receivedAt: RECEIVED_AT,
      timestamp: expected,
      ...(typeof timestamp === 'string' ? { originalTimestamp: timestamp } : {}),
    });
    expect(flags).toBe(skewed ? FLAG_TIMESTAMP_SKEWED : 0);
  });

  it('gives a valid timestamp for every pair of valid dates', () => {
    const date = fc.date({ noInvalidDate: true }).map((value) => value.toISOString());
    fc.assert(
      fc.property(date, date, fc.date({ noInvalidDate: true }), (timestamp, sentAt, received) => {
        const { stamps } = stamped({ timestamp, sentAt }, received.getTime());
        expect(Date.parse(stamps.timestamp)).not.toBeNaN();
        expect(stamps.originalTimestamp).toBe(timestamp);
      }),
    );
  });

  it('writes the times of a batch as Date does, whichever came before', () => {
    const time = fc.oneof(
      fc.integer({ min: receivedAtMs - 5_000, max: receivedAtMs + 5_000 }),
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
    );
    fc.assert(
      fc.property(fc.array(time, { minLength: 1, maxLength: 20 }), (times) => {
        const stamp = stamper(receivedAtMs);
        for (const ms of times) {
          const iso = new Date(ms).toISOString();
          expect(stamp({ timestamp: iso, sentAt: RECEIVED_AT }).stamps.timestamp).toBe(iso);
        }
      }),
    );
  });
});
