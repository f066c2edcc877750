import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageIds, sampleEvent } from '../contract.ts';
import { LogReadError, LogWriteError } from '../log.ts';
import type { AppendVerdict, EventLog, LogReader, NewEvent } from '../log.ts';
import type { Disk } from './disk.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog } from './segment-log.ts';
import { SimulatedDisk, type Crash, type Fate } from './simulated-disk.ts';

export type Step =
  /** An append that is not waited for; ids are new ones. */
  | { kind: 'append'; eventCount: number; eventBytes: number }
  /** As a client does that gave up waiting, or got a 503: the last call without an answer once more. */
  | { kind: 'append-again' }
  | { kind: 'turns'; count: number }
  | { kind: 'settle' }
  | { kind: 'read'; maxCount: number }
  | { kind: 'crash'; crash: Crash };

export interface Scenario {
  steps: Step[];
  /** One for each operation of the disk, in order; those after the last one work. */
  fates: Fate[];
  crash: Crash;
  maxSegmentBytes: number;
  seed: number;
}

/** An append as its caller sees it. */
interface Call {
  ids: string[];
  answer?: AppendVerdict[] | undefined;
}

/**
 * Runs a scenario and rejects where the log breaks its promise: what was answered is there, once, in
 * order; what was not may be missing, but is never garbage nor doubled; no reader sees what a crash
 * takes away; and once the disk works again, so does the log.
 */
export class Trial {
  readonly #disk: SimulatedDisk;
  /** What the log is given; the simulated disk, or that with a fault. */
  readonly #wrapped: Disk;
  readonly #scenario: Scenario;
  #fates: Fate[];
  #log!: EventLog;
  #reader!: LogReader;
  /** The messageIds that the log must hold, in order: what was answered, and what recovery found. */
  #known: string[] = [];
  /** Since the last start, in the order in which they were made. */
  #calls: Call[] = [];
  #settled: Promise<unknown> = Promise.resolve();
  #readTo = 0;
  #seenByReader: string[] = [];
  #nextId = 0;
  readonly #jsonById = new Map<string, Buffer>();

  constructor(given: Scenario, wrap: (disk: Disk) => Disk) {
    this.#scenario = given;
    this.#fates = [...given.fates];
    this.#disk = new SimulatedDisk(() => this.#fates.shift() ?? { kind: 'works' }, randomFrom(given.seed));
    this.#wrapped = wrap(this.#disk);
  }

  async run(): Promise<void> {
    await this.#start();
    for (const step of this.#scenario.steps) {
      await this.#take(step);
      if (this.#disk.hasCrashed) await this.#restart(this.#scenario.crash);
    }
    await this.#settled;
    if (this.#disk.hasCrashed) await this.#restart(this.#scenario.crash);
    this.#fates = [];
    const unanswered = this.#calls.filter(({ answer }) => !answer);
    for (const { ids } of [...unanswered, { ids: this.#newIds(1, 10) }]) {
      await this.#append(ids);
      assert.equal(this.#calls.at(-1)?.answer?.length, ids.length);
    }
    await this.#read(1_000_000);
    assert.deepEqual(this.#seenByReader, await this.#contents());
    assert.deepEqual(this.#seenByReader, [...this.#known, ...this.#appendedIds()]);
    await this.#restart('power-loss');
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'append':
        void this.#append(this.#newIds(step.eventCount, step.eventBytes));
        return;
      case 'append-again': {
        const unanswered = this.#calls.findLast(({ answer }) => !answer);
        if (unanswered) void this.#append(unanswered.ids);
        return;
      }
      case 'turns':
        // A commit starts with a turn of the event loop; each operation of the disk takes a few jobs.
        await nextTurn();
        for (let i = 0; i < step.count; i++) await Promise.resolve();
        return;
      case 'settle':
        await this.#settled;
        return;
      case 'read':
        await this.#read(step.maxCount);
        return;
      case 'crash':
        await this.#restart(step.crash);
    }
  }

  #newIds(count: number, eventBytes: number): string[] {
    return Array.from({ length: count }, () => {
      const messageId = `m${this.#nextId++}`;
      this.#jsonById.set(messageId, Buffer.from(JSON.stringify({ messageId, fill: 'x'.repeat(eventBytes) })));
      return messageId;
    });
  }

  #append(ids: string[]): Promise<unknown> {
    const call: Call = { ids };
    this.#calls.push(call);
    const events = ids.map((id) => sampleEvent(id, { json: this.#json(id) }));
    const settled = this.#answerOf(events).then((answer) => Object.assign(call, { answer }));
    this.#settled = Promise.all([this.#settled, settled]);
    return settled;
  }

  async #answerOf(events: NewEvent[]): Promise<AppendVerdict[] | undefined> {
    try {
      return await this.#log.append(events);
    } catch (error) {
      assert.ok(error instanceof LogWriteError, String(error));
      return undefined;
    }
  }

  async #read(maxCount: number): Promise<void> {
    this.#reader.setDurableEnds(this.#log.durableEnds);
    try {
      const records = await this.#reader.read(0, this.#readTo, { maxCount, maxBytes: Infinity });
      assert.deepEqual(
        records.map(({ position }) => position),
        records.map((_, i) => this.#readTo + i),
      );
      this.#seenByReader.push(...messageIds(records));
      this.#readTo += records.length;
    } catch (error) {
      assert.ok(error instanceof LogReadError && error.code === 'io', String(error));
    }
  }

  async #restart(crash: Crash): Promise<void> {
    this.#disk.hasCrashed = true;
    await this.#settled;
    const calls = this.#calls;
    const mustHave = [...this.#known, ...this.#appendedIds()];
    this.#calls = [];
    this.#disk.restart(crash);
    await this.#start();
    const found = await this.#contents();
    assert.deepEqual(found.slice(0, mustHave.length), mustHave);
    const more = found.slice(mustHave.length);
    const unanswered = calls.filter(({ answer }) => !answer).flatMap(({ ids }) => ids);
    assert.ok(
      more.every((id) => unanswered.includes(id)) && new Set(more).size === more.length,
      String(more),
    );
    // A duplicate too is answered only when the event is durable.
    const answered = calls.filter(({ answer }) => answer).flatMap(({ ids }) => ids);
    assert.ok(
      answered.every((id) => found.includes(id)),
      String(found),
    );
    assert.deepEqual(found.slice(0, this.#readTo), this.#seenByReader);
    this.#known = found;
  }

  /** Opens the log as often as it takes: each time some operations may fail. */
  async #start(): Promise<void> {
    for (;;) {
      try {
        this.#log = await openSegmentLog({
          dir: '/log',
          disk: this.#wrapped,
          clock: { nowMs: () => 0 },
          maxSegmentBytes: this.#scenario.maxSegmentBytes,
        });
        this.#reader = openSegmentReader({ dir: '/log', disk: this.#wrapped });
        return;
      } catch (error) {
        assert.ok(!(error instanceof LogReadError), String(error));
        if (this.#disk.hasCrashed) this.#disk.restart(this.#scenario.crash);
      }
    }
  }

  #appendedIds(): string[] {
    return this.#calls.flatMap(({ ids, answer }) => ids.filter((_, i) => answer?.[i] === 'appended'));
  }

  /** The messageIds of all that is durable, each event compared to what was appended. */
  async #contents(): Promise<string[]> {
    const fates = this.#fates;
    this.#fates = [];
    const reader = openSegmentReader({
      dir: '/log',
      disk: this.#wrapped,
      durableEnds: this.#log.durableEnds,
    });
    const records = await reader.read(0, 0, { maxCount: 1_000_000, maxBytes: Infinity });
    await reader.close();
    this.#fates = fates;
    const ids = messageIds(records);
    assert.deepEqual(
      records.map(({ json }) => json.toString()),
      ids.map((id) => this.#json(id).toString()),
    );
    return ids;
  }

  #json(id: string): Buffer {
    return this.#jsonById.get(id) ?? Buffer.from('never appended');
  }
}

/** A small generator (mulberry32), so that a scenario is the same each time it is run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
