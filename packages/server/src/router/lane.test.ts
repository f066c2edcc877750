import type { SegmentEvent } from '@millrace/spec';
import * as fc from 'fast-check';
import { assert, describe, expect, it } from 'vitest';
import type { BatchLimits } from '../destinations/destination.ts';
import { Lane, type LaneArrival, type LaneEvent, type NextBatch } from './lane.ts';

const NO_WAIT: BatchLimits = { maxCount: 100, maxBytes: 1_000_000, maxWaitMs: 0 };

function arrival(position: number, keys: readonly string[], bytes = 10, notBeforeMs = 0): LaneArrival {
  const event: SegmentEvent = { type: 'track', messageId: `m${position}`, timestamp: '', receivedAt: '' };
  return { event, json: Buffer.alloc(bytes), keys, progress: { position, attemptCount: 0, notBeforeMs } };
}

function positions(next: NextBatch): number[] | string {
  return next.kind === 'batch' ? next.events.map((event) => event.progress.position) : `wait ${next.untilMs}`;
}

function taken(lane: Lane, nowMs = 0): readonly LaneEvent[] {
  const next = lane.take(nowMs);
  return next.kind === 'batch' ? next.events : [];
}

function later(event: LaneEvent, notBeforeMs: number): LaneEvent['progress'] {
  return { ...event.progress, attemptCount: event.progress.attemptCount + 1, notBeforeMs };
}

describe('a lane', () => {
  it('gives events in the order of their positions, within the count', () => {
    const lane = new Lane({ ...NO_WAIT, maxCount: 2 });
    for (const position of [1, 2, 5]) lane.add(arrival(position, [`u${position}`]), 0);
    expect(positions(lane.take(0))).toEqual([1, 2]);
    expect(positions(lane.take(0))).toEqual([5]);
    expect(positions(lane.take(0))).toBe('wait undefined');
  });

  it('cuts a batch at the bytes and delivers a larger event alone', () => {
    const lane = new Lane({ ...NO_WAIT, maxBytes: 100 });
    for (const [position, bytes] of [60, 40, 1, 500, 10].entries()) lane.add(arrival(position, [], bytes), 0);
    expect(positions(lane.take(0))).toEqual([0, 1]);
    expect(positions(lane.take(0))).toEqual([2]);
    expect(positions(lane.take(0))).toEqual([3]);
    expect(positions(lane.take(0))).toEqual([4]);
  });

  it('waits for a batch to fill, from its first event on', () => {
    const lane = new Lane({ ...NO_WAIT, maxCount: 3, maxWaitMs: 50 });
    lane.add(arrival(1, ['a']), 100);
    expect(positions(lane.take(100))).toBe('wait 150');
    lane.add(arrival(2, ['a']), 120);
    expect(positions(lane.take(149))).toBe('wait 150');
    expect(positions(lane.take(150))).toEqual([1, 2]);
    for (const position of [3, 4, 5]) lane.add(arrival(position, ['b']), 200);
    expect(positions(lane.take(200))).toEqual([3, 4, 5]);
  });

  it('wakes for a retry that comes due before the batch has waited long enough', () => {
    const lane = new Lane({ ...NO_WAIT, maxWaitMs: 50 });
    lane.add(arrival(1, ['a'], 10, 120), 100);
    lane.add(arrival(2, ['b']), 100);
    expect(positions(lane.take(100))).toBe('wait 120');
    expect(positions(lane.take(120))).toBe('wait 150');
    expect(positions(lane.take(150))).toEqual([1, 2]);
  });

  it('holds an event back while an earlier one that shares any key is in flight', () => {
    const lane = new Lane({ ...NO_WAIT, maxCount: 1 });
    lane.add(arrival(1, ['user', 'anonymous']), 0);
    lane.add(arrival(2, ['anonymous']), 0);
    lane.add(arrival(3, ['other']), 0);
    const [first] = taken(lane);
    expect(positions(lane.take(0))).toEqual([3]);
    expect(positions(lane.take(0))).toBe('wait undefined');
    lane.settle(first!);
    expect(positions(lane.take(0))).toEqual([2]);
  });

  it('chains through an alias that is held back itself', () => {
    const lane = new Lane(NO_WAIT);
    lane.add(arrival(1, ['anonymous'], 10, 1_000), 0);
    lane.add(arrival(2, ['anonymous', 'user']), 0);
    lane.add(arrival(3, ['user']), 0);
    expect(positions(lane.take(0))).toBe('wait 1000');
    expect(positions(lane.take(1_000))).toEqual([1, 2, 3]);
  });

  it('keeps a later event of the batch behind the one that is to be retried', () => {
    const lane = new Lane(NO_WAIT);
    for (const position of [1, 2, 3]) lane.add(arrival(position, ['a']), 0);
    const [first, second, third] = taken(lane);
    lane.giveBack(first!, later(first!, 900));
    lane.settle(second!);
    lane.giveBack(third!, later(third!, 100));
    lane.add(arrival(4, ['a']), 0);
    expect(positions(lane.take(100))).toBe('wait 900');
    expect(positions(lane.take(900))).toEqual([1, 3, 4]);
  });

  it('holds a new event behind the one to be retried where one between them was settled', () => {
    const lane = new Lane(NO_WAIT);
    for (const position of [1, 2]) lane.add(arrival(position, ['a']), 0);
    const [first, second] = taken(lane);
    lane.settle(second!);
    lane.giveBack(first!, later(first!, 900));
    lane.add(arrival(3, ['a']), 0);
    expect(positions(lane.take(0))).toBe('wait 900');
  });

  it('offers events again that no attempt was spent on, before later ones', () => {
    const lane = new Lane({ ...NO_WAIT, maxCount: 2 });
    for (const position of [1, 2, 3]) lane.add(arrival(position, ['a']), 0);
    for (const event of taken(lane)) lane.giveBack(event);
    expect(positions(lane.take(0))).toEqual([1, 2]);
  });

  it('says how much room is left, and gets it back as events are settled', () => {
    const lane = new Lane(NO_WAIT, { maxCount: 3, maxBytes: 100 });
    lane.add(arrival(1, [], 30), 0);
    lane.add(arrival(2, [], 80), 0);
    expect(lane.room).toEqual({ count: 1, bytes: -10 });
    for (const event of taken(lane)) lane.settle(event);
    expect(lane.room).toEqual({ count: 3, bytes: 100 });
  });

  it('gives an event that stays memory of its own', () => {
    const lane = new Lane(NO_WAIT);
    const block = Buffer.alloc(1_000_000, 'x');
    const event = lane.add({ ...arrival(1, []), json: block.subarray(10, 20) }, 0);
    lane.detach(event);
    expect(event.json.toString()).toBe('x'.repeat(10));
    expect(event.json.buffer.byteLength).toBe(10);
  });

  it('lines an event without a place up behind those that are there, whatever its position', () => {
    const lane = new Lane(NO_WAIT);
    lane.add(arrival(7, ['a']), 0);
    lane.add({ ...arrival(3, []), keys: undefined }, 0);
    lane.add({ ...arrival(2, []), keys: undefined }, 0);
    lane.add(arrival(8, []), 0);
    expect(taken(lane).map(({ progress }) => progress.position)).toEqual([7, 3, 2, 8]);
  });

  it('refuses what would break its order', () => {
    const lane = new Lane(NO_WAIT);
    const event = lane.add(arrival(2, []), 0);
    expect(() => lane.add(arrival(2, []), 0)).toThrow(RangeError);
    expect(() => lane.settle(event)).toThrow('idle');
  });

  it('chooses as the rule says it, read literally', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 80, size: 'max' }), batchLimits, runBesideTheRule), {
      numRuns: 300,
    });
  });
});

/** The rule of the docs, without any index: what the lane must agree with. */
class LiteralLane {
  readonly events: (LaneArrival & { state: 'idle' | 'inFlight'; notBeforeMs: number })[] = [];

  take({ maxCount, maxBytes }: BatchLimits, nowMs: number): number[] {
    const batch: number[] = [];
    const blocked = new Set<string>();
    let bytes = 0;
    for (const event of this.events) {
      const free =
        event.state === 'idle' && event.notBeforeMs <= nowMs && !event.keys?.some((key) => blocked.has(key));
      if (!free) {
        for (const key of event.keys ?? []) blocked.add(key);
        continue;
      }
      if (batch.length === maxCount || (batch.length > 0 && bytes + event.json.length > maxBytes)) break;
      batch.push(event.progress.position);
      bytes += event.json.length;
    }
    return batch;
  }

  of(position: number): LiteralLane['events'][number] {
    return this.events.find((event) => event.progress.position === position)!;
  }
}

type Step =
  | { kind: 'add'; keys: string[]; bytes: number; notBeforeMs: number }
  /** Of an event that was dead, from long before. */
  | { kind: 'revive'; bytes: number }
  | { kind: 'take' }
  | { kind: 'answer'; which: number; settled: boolean[]; delayMs: number }
  | { kind: 'pass'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      keys: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
      bytes: fc.integer({ min: 1, max: 30 }),
      notBeforeMs: fc.constantFrom(0, 0, 0, 20),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('revive' as const), bytes: fc.integer({ min: 1, max: 30 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'take' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(5),
      settled: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      delayMs: fc.nat(30),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(30) }) },
);

const batchLimits = fc.record({
  maxCount: fc.integer({ min: 1, max: 6 }),
  maxBytes: fc.integer({ min: 10, max: 80 }),
  maxWaitMs: fc.constant(0),
});

function runBesideTheRule(steps: Step[], limits: BatchLimits): void {
  const lane = new Lane(limits);
  const literal = new LiteralLane();
  const batches: (readonly LaneEvent[])[] = [];
  let nowMs = 1;
  let position = 1_000;
  let revivedPosition = 1_000;
  for (const step of steps) {
    if (step.kind === 'pass') nowMs += step.ms;
    if (step.kind === 'revive') {
      const revived = { ...arrival((revivedPosition -= 1), [], step.bytes), keys: undefined };
      lane.add(revived, nowMs);
      literal.events.push({ ...revived, state: 'idle', notBeforeMs: 0 });
    }
    if (step.kind === 'add') {
      const added = arrival((position += 1), step.keys, step.bytes, step.notBeforeMs);
      lane.add(added, nowMs);
      literal.events.push({ ...added, state: 'idle', notBeforeMs: step.notBeforeMs });
    }
    if (step.kind === 'take') {
      const expected = literal.take(limits, nowMs);
      const batch = taken(lane, nowMs);
      const chosen = batch.map((event) => event.progress.position);
      assert.deepEqual(chosen, expected);
      for (const taken of expected) literal.of(taken).state = 'inFlight';
      if (batch.length > 0) batches.push(batch);
    }
    if (step.kind === 'answer' && batches.length > 0) {
      const [batch] = batches.splice(step.which % batches.length, 1);
      for (const [index, event] of batch!.entries()) {
        const other = literal.of(event.progress.position);
        if (step.settled[index]) {
          lane.settle(event);
          literal.events.splice(literal.events.indexOf(other), 1);
        } else {
          const notBeforeMs = nowMs + step.delayMs;
          lane.giveBack(event, later(event, notBeforeMs));
          Object.assign(other, { state: 'idle', notBeforeMs });
        }
      }
    }
    assert.equal(lane.unsettledCount, literal.events.length);
  }
}
