import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageIds, sampleEvent } from '../contract.ts';
import { LogReadError, LogWriteError } from '../log.ts';
import type { AppendVerdict, LogRange, LogReader, LogRecord, NewEvent } from '../log.ts';
import type { Disk } from './disk.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog, type SegmentLog } from './segment-log.ts';
import { SimulatedDisk, type Crash, type Fate } from './simulated-disk.ts';

export type Step =
  /** An append that is not waited for; ids are new ones. */
  | { kind: 'append'; eventCount: number; eventBytes: number }
  /** As a client does that gave up waiting, or got a 503: the last call without an answer once more. */
  | { kind: 'append-again' }
  /** An event that is known to be durable once more, `pick` says which. */
  | { kind: 'append-known'; pick: number }
  | { kind: 'time'; passesMs: number }
  /** Until runs are written and merged. */
  | { kind: 'upkeep' }
  /** The older half of the sealed segments is given up; not waited for. */
  | { kind: 'trim' }
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

const ANY_SIZE = { maxCount: 1_000_000, maxBytes: Infinity };

/** Of the window in which each duplicate must be found. */
const WINDOW_MS = 3_600_000;

/**
 * Runs a scenario and rejects where the log breaks its promise: what was answered is there, once, in
 * order; what was not may be missing, but is never garbage nor doubled; no reader sees what a crash
 * takes away; a duplicate is found in whatever segment its event is, or was; and once the disk works again,
 * so does the log.
 */
export class Trial {
  readonly #disk: SimulatedDisk;
  /** What the log is given; the simulated disk, or that with a fault. */
  readonly #wrapped: Disk;
  readonly #scenario: Scenario;
  #fates: Fate[];
  #log!: SegmentLog;
  #reader!: LogReader;
  /** The messageIds that the log must hold, in order: what was answered, and what recovery found. */
  #known: string[] = [];
  /** Since the last start, in the order in which they were made. */
  #calls: Call[] = [];
  #settled: Promise<unknown> = Promise.resolve();
  #readTo = 0;
  #seenByReader: string[] = [];
  #nextId = 0;
  #nowMs = 0;
  /** Where the log may start: two of them after a trim that failed or was cut off. */
  #starts = [0];
  /** When each id was first sent: the event is no older. */
  readonly #sentAtMs = new Map<string, number>();
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
    // What failed beside the commits is tried again a while later.
    await this.#log.dedupeIdle();
    this.#nowMs += 60_000;
    const unanswered = this.#calls.filter((call) => !call.answer && this.#isRecent(call.ids));
    for (const { ids } of [...unanswered, { ids: this.#newIds(1, 10) }]) {
      await this.#append(ids);
      assert.equal(this.#calls.at(-1)?.answer?.length, ids.length);
    }
    await this.#read(1_000_000);
    assert.deepEqual(this.#seenByReader, await this.#contents());
    assert.deepEqual(this.#seenByReader, this.#durable());
    await this.#findDuplicates();
    await this.#log.dedupeIdle();
    assert.ok(this.#log.dedupe.runCount <= 8, `${this.#log.dedupe.runCount} runs`);
    assert.equal(this.#log.dedupe.unwrittenCount, 0);
    await this.#findDuplicates();
    await this.#restart('power-loss');
    await this.#findDuplicates();
    await this.#log.close();
  }

  /** Each event in the window is known, whatever became of runs meanwhile. */
  async #findDuplicates(): Promise<void> {
    const ids = this.#durable().filter((id) => this.#isRecent([id]));
    await this.#append(ids);
    assert.deepEqual(
      this.#calls.at(-1)?.answer,
      ids.map(() => 'duplicate'),
    );
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'append':
        void this.#append(this.#newIds(step.eventCount, step.eventBytes));
        return;
      case 'append-again': {
        const unanswered = this.#calls.findLast(({ answer }) => !answer);
        if (unanswered && this.#isRecent(unanswered.ids)) void this.#append(unanswered.ids);
        return;
      }
      case 'append-known': {
        const ids = this.#durable();
        const id = ids[step.pick % ids.length];
        if (id === undefined || !this.#isRecent([id])) return;
        const call = this.#append([id]);
        this.#settled = Promise.all([
          this.#settled,
          call.then(({ answer }) => assert.notEqual(answer?.[0], 'appended')),
        ]);
        return;
      }
      case 'time':
        this.#nowMs += step.passesMs;
        return;
      case 'upkeep':
        await this.#log.dedupeIdle();
        return;
      case 'trim':
        this.#settled = Promise.all([this.#settled, this.#trim()]);
        return;
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
      this.#sentAtMs.set(messageId, this.#nowMs);
      this.#jsonById.set(messageId, Buffer.from(JSON.stringify({ messageId, fill: 'x'.repeat(eventBytes) })));
      return messageId;
    });
  }

  #append(ids: string[]): Promise<Call> {
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
      assert.ok(error instanceof LogReadError, String(error));
      if (error.code === 'trimmed') {
        const start = this.#starts.find((each) => each > this.#readTo);
        assert.ok(start, error.message);
        this.#readTo = start;
        this.#seenByReader = this.#durable().slice(0, start);
        await this.#read(maxCount);
      } else assert.equal(error.code, 'io', error.message);
    }
  }

  async #restart(crash: Crash): Promise<void> {
    this.#disk.hasCrashed = true;
    await this.#settled;
    await this.#log.close().catch(() => {});
    const calls = this.#calls;
    const mustHave = this.#durable();
    this.#known = mustHave;
    this.#calls = [];
    this.#disk.restart(crash);
    await this.#start();
    while (this.#disk.hasCrashed) {
      // In what it does beside the commits.
      await this.#log.close().catch(() => {});
      this.#disk.restart(this.#scenario.crash);
      await this.#start();
    }
    const found = await this.#contents();
    assert.deepEqual(found.slice(0, mustHave.length), mustHave);
    assert.equal(new Set(found).size, found.length);
    const more = found.slice(mustHave.length);
    const unanswered = calls.filter(({ answer }) => !answer).flatMap(({ ids }) => ids);
    assert.ok(
      more.every((id) => unanswered.includes(id)),
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
          clock: { nowMs: () => this.#nowMs },
          maxSegmentAgeMs: WINDOW_MS / 8,
          dedupeWindowMs: WINDOW_MS,
          maxSegmentBytes: this.#scenario.maxSegmentBytes,
        });
        this.#reader = openSegmentReader({ dir: '/log', disk: this.#wrapped });
        return;
      } catch (error) {
        assert.ok(!(error instanceof LogReadError) || error.code === 'io', String(error));
        if (this.#disk.hasCrashed) this.#disk.restart(this.#scenario.crash);
      }
    }
  }

  async #trim(): Promise<void> {
    const log = this.#log;
    const reader = openSegmentReader({ dir: '/log', disk: this.#wrapped, durableEnds: log.durableEnds });
    let ranges: LogRange[];
    try {
      ranges = await reader.ranges(0);
    } catch (error) {
      assert.ok(error instanceof LogReadError && error.code === 'io', String(error));
      return;
    }
    const before = ranges[Math.floor(ranges.length / 2)]?.from ?? 0;
    const possible = ranges.map(({ from }) => from).filter((from) => from <= before);
    this.#starts = [...new Set([...this.#starts, ...possible])].toSorted((x, y) => x - y);
    try {
      await log.trim(0, before);
      this.#starts = this.#starts.filter((start) => start >= log.starts[0]!);
    } catch (error) {
      assert.ok(error instanceof LogWriteError, String(error));
    }
  }

  #isRecent(ids: readonly string[]): boolean {
    return ids.every((id) => this.#nowMs - (this.#sentAtMs.get(id) ?? -Infinity) <= WINDOW_MS);
  }

  /** The messageIds of all that was answered or found, by position. */
  #durable(): string[] {
    return [...this.#known, ...this.#appendedIds()];
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
    const known = this.#log.starts[0]!;
    assert.ok(this.#starts.includes(known), `the log starts at ${known}`);
    // A trim that failed once the new start could be seen: readers of before know it, the log does not.
    const starts = this.#starts.filter((each) => each >= known);
    let start = starts.shift()!;
    let records = await readFrom(reader, start);
    while (!records && starts.length > 0) {
      start = starts.shift()!;
      records = await readFrom(reader, start);
    }
    assert.ok(records, `the log does not start at ${start}`);
    if (start > 0) await assert.rejects(reader.read(0, start - 1, ANY_SIZE), { code: 'trimmed' });
    await reader.close();
    this.#fates = fates;
    const ids = messageIds(records);
    assert.deepEqual(
      records.map(({ json }) => json.toString()),
      ids.map((id) => this.#json(id).toString()),
    );
    return [...this.#durable().slice(0, start), ...ids];
  }

  #json(id: string): Buffer {
    return this.#jsonById.get(id) ?? Buffer.from('never appended');
  }
}

/** Undefined where the log no longer has that position. */
async function readFrom(reader: LogReader, position: number): Promise<LogRecord[] | undefined> {
  try {
    return await reader.read(0, position, ANY_SIZE);
  } catch (error) {
    if (error instanceof LogReadError && error.code === 'trimmed') return undefined;
    throw error;
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
