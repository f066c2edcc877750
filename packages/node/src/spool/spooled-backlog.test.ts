import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Batch, Outcome } from '../backlog.ts';
import { systemClock } from '../clock.ts';
import { analyticsError, refusalError, type AnalyticsError } from '../errors.ts';
import type { OutgoingEvent } from '../outgoing.ts';
import { openSpool } from './open-spool.ts';
import type { SpooledBacklog } from './spooled-backlog.ts';

const DELIVERED: Outcome = { error: undefined };
const KEPT: Outcome = { error: analyticsError('SPOOL_KEPT', 'kept'), isKept: true };
const REFUSED: Outcome = { error: analyticsError('HTTP_400', 'Bad Request') };
const MIN_BYTES = 1024 * 1024;

let dir: string;
let opened: SpooledBacklog[];
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'mr-backlog-'));
  opened = [];
});
afterEach(() => {
  for (const backlog of opened) backlog.close();
  rmSync(dir, { recursive: true });
});

function open(): { backlog: SpooledBacklog; lost: [Batch, AnalyticsError][]; withdrawn: number[] } {
  const lost: [Batch, AnalyticsError][] = [];
  const withdrawn: number[] = [];
  const backlog = openSpool(
    { dir, maxBytes: MIN_BYTES },
    {
      writeKey: 'KEY',
      url: 'http://h',
      maxBufferedEvents: 100_000,
      maxBufferedBytes: 64 * MIN_BYTES,
      clock: systemClock(),
      onError: () => undefined,
      onWithdrawn: (count) => void withdrawn.push(count),
      onLost: (batch, error) => void lost.push([batch, error]),
      beforeAdoption: () => undefined,
      onAdopted: () => undefined,
    },
  )!;
  opened.push(backlog);
  return { backlog, lost, withdrawn };
}

/** Ten kilobytes: 26 of them are a window, 50 a batch, 13 a file. */
function event(n: number, callback?: OutgoingEvent['callback']): OutgoingEvent {
  const json = JSON.stringify({ n, text: 'x'.repeat(10_000) });
  return { json, bytes: json.length, callback };
}
const places = ({ from, events }: Batch): number[] => events.map((_, at) => from + at);
const names = ({ events }: Pick<Batch, 'events'>): number[] =>
  events.map(({ json }) => (JSON.parse(json) as { n: number } | null)?.n ?? -1);
const callback = (): void => undefined;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const rejectedLines = (): string[] =>
  readdirSync(path.join(dir, 'rejected')).flatMap((name) =>
    readFileSync(path.join(dir, 'rejected', name), 'utf8')
      .trimEnd()
      .split('\n'),
  );

function track(backlog: SpooledBacklog, from: number, end: number): OutgoingEvent[] {
  const events = upTo(end - from).map((at) => event(from + at));
  for (const each of events) backlog.append(each);
  return events;
}

describe('a backlog on the disk', () => {
  it('holds a window in memory and reads the rest back, in order', async () => {
    const { backlog } = open();
    backlog.add(track(backlog, 0, 80));
    await Promise.resolve();
    expect(backlog.count).toBe(80);
    expect(backlog.bytes).toBeLessThan(300_000);
    const got: number[] = [];
    while (backlog.count > 0) {
      const batch = backlog.cut();
      expect(batch.from).toBe(got.length);
      got.push(...names(batch));
      backlog.settled(batch, DELIVERED);
    }
    expect(got).toEqual(upTo(80));
    expect(backlog.stats).toMatchObject({ eventCount: 0 });
  });

  it('forgets what the program took out of its queue, and takes what it put there', () => {
    const { backlog, withdrawn } = open();
    const [a, , c] = track(backlog, 0, 3);
    backlog.add([a!, event(100), c!]);
    // The event 100 was not in the spool, and is now behind the third.
    expect(names(backlog.cut())).toEqual([0]);
    expect(names(backlog.cut())).toEqual([100, 2]);
    expect(withdrawn).toEqual([2]);
    track(backlog, 3, 5);
    backlog.add([]);
    expect(withdrawn).toEqual([2, 2]);
    expect(backlog.count).toBe(0);
  });

  it('keeps a batch at its place, tells all who wait once, and says so of what it cuts afterwards', async () => {
    const { backlog } = open();
    const events = track(backlog, 0, 60);
    for (const at of [0, 59]) events[at]!.callback = callback;
    backlog.add(events);
    await Promise.resolve();
    const first = backlog.cut();
    expect(backlog.settled(first, KEPT)).toEqual({
      ranges: [{ from: 0, end: 60 }],
      callbacks: [callback, callback],
    });
    backlog.add(track(backlog, 60, 61));
    const again = backlog.cut();
    expect([names(again), again.isTold]).toEqual([names(first), true]);
    expect(backlog.settled(again, KEPT)).toEqual({ ranges: [{ from: 60, end: 61 }], callbacks: [] });
    const all: number[] = [];
    while (backlog.count > 0) {
      const batch = backlog.cut();
      expect(batch.isTold).toBe(true);
      expect(batch.events.every(({ callback }) => callback === undefined)).toBe(true);
      all.push(...names(batch));
    }
    expect(all).toEqual(upTo(61));
  });

  it('has nothing to send any more once it is closed, also not what was in flight then', async () => {
    const { backlog } = open();
    backlog.add(track(backlog, 0, 60));
    const batch = backlog.cut();
    backlog.settled(batch, KEPT);
    const again = backlog.cut();
    backlog.close();
    expect(backlog.settled(again, KEPT)).toEqual({ ranges: [], callbacks: [] });
    expect(backlog.count).toBe(0);
  });

  it('keeps refused events where people can read them', () => {
    const { backlog } = open();
    backlog.add(track(backlog, 0, 2));
    backlog.settled(backlog.cut(), REFUSED);
    expect(rejectedLines()).toHaveLength(2);
    backlog.add(track(backlog, 2, 4));
    const refused = new Map([[1, refusalError('invalid_type', 'refused')]]);
    backlog.settled(backlog.cut(), { error: refused.get(1), refused });
    expect(rejectedLines()).toHaveLength(3);
    expect(JSON.parse(rejectedLines()[2]!)).toMatchObject({ code: 'invalid_type', event: { n: 3 } });
    expect(backlog.stats).toMatchObject({ eventCount: 0, rejectedCount: 3 });
  });

  it('tells whose events a damaged file has lost', async () => {
    const { backlog, lost } = open();
    const events = track(backlog, 0, 60);
    events[30]!.callback = callback;
    backlog.add(events);
    await Promise.resolve();
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.spool')) continue;
      const bytes = readFileSync(path.join(dir, name));
      const at = bytes.indexOf('{"n":30,');
      if (at !== -1) bytes[at + 9_000] = 0;
      writeFileSync(path.join(dir, name), bytes);
    }
    const got: number[] = [];
    while (backlog.count > 0) got.push(...names(backlog.cut()));
    expect(got).toEqual(upTo(60).filter((n) => n !== 30));
    expect(lost).toEqual([
      [
        expect.objectContaining({ from: 30, events: [expect.objectContaining({ callback })] }),
        expect.anything(),
      ],
    ]);
    expect(lost[0]![1].code).toBe('SPOOL_DAMAGED');
  });

  it('makes room by the oldest file that is on the disk alone', async () => {
    const { backlog } = open();
    backlog.add(track(backlog, 0, 80));
    const dropped = backlog.dropOldest()!;
    expect(dropped.from).toBeGreaterThanOrEqual(26);
    expect(names(dropped)).toEqual(upTo(dropped.events.length).map((at) => dropped.from + at));
    const rest: number[] = [];
    while (backlog.count > 0) rest.push(...names(backlog.cut()));
    expect(rest).toEqual(upTo(80).filter((n) => !names(dropped).includes(n)));
  });

  it('ends the wait for every event exactly once, and delivers what it does not drop (property)', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ kind: fc.constant('deliver' as const) }),
      fc.record({ kind: fc.constant('keep' as const) }),
      fc.record({ kind: fc.constant('drop' as const) }),
      fc.record({ kind: fc.constant('tick' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { backlog } = open();
        let added = 0;
        const told: number[] = [];
        const sent: number[] = [];
        const dropped: number[] = [];
        const deliver = (outcome: Outcome): void => {
          const batch = backlog.cut();
          expect(names(batch)).toEqual(places(batch));
          const kept = backlog.settled(batch, outcome);
          if (!kept) sent.push(...names(batch));
          if (!kept && !batch.isTold) told.push(...names(batch));
          for (const { from, end } of kept?.ranges ?? [])
            told.push(...upTo(end - from).map((at) => from + at));
        };
        for (const each of steps) {
          if (each.kind === 'add') {
            backlog.add(track(backlog, added, added + each.count));
            added += each.count;
          } else if (each.kind === 'tick') {
            await Promise.resolve();
          } else if (each.kind === 'drop') {
            const batch = backlog.dropOldest();
            dropped.push(...(batch ? names(batch) : []));
            if (batch && !batch.isTold) told.push(...names(batch));
          } else if (backlog.count > 0) {
            deliver(each.kind === 'keep' ? KEPT : DELIVERED);
          }
        }
        while (backlog.count > 0) deliver(DELIVERED);
        expect(told.toSorted((a, b) => a - b)).toEqual(upTo(added));
        expect(sent).toEqual(upTo(added).filter((n) => !dropped.includes(n)));
        expect(backlog.stats.eventCount).toBe(0);
        backlog.close();
      }),
      { numRuns: 40 },
    );
  });
});
