import { randomFillSync } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { answer } from '../answers.mjs';

/** A process: the hashes of a day, and events that are looked for among them. */

/** Of the hashes; as the runs of a day are, each about half of the one before. */
const RUN_SHARES = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.0078125];
/** What arrives in one request. */
const BATCH_COUNT = 100;
const SEGMENT_EVENT_COUNT = 400_000;
const PIECE_HASHES = 4096;

const never = new AbortController().signal;
let parts;
let runs;
let windows;

answer({
  async prepare({ bundle, dir, hashCount }) {
    parts = await import(bundle);
    runs = [];
    let sequence = 0;
    for (const share of RUN_SHARES) {
      const count = Math.round(hashCount * share);
      sequence += 1;
      const run = { coverage: coverageOf(sequence), maxHashCount: count, hashes: sortedHashes(count) };
      runs.push(await parts.writeRun(parts.realDisk, dir, run, never));
    }
    windows = { empty: known(dir, []), full: known(dir, runs) };
    return {
      hashCount: runs.reduce((sum, run) => sum + run.hashCount, 0),
      runCount: runs.length,
      memoryBytes: runs.reduce((sum, run) => sum + run.memoryBytes, 0),
      ...measureTable(),
    };
  },
  look: ({ window, eventCount }) =>
    look(windows[window], texts(randomFillSync(new Uint32Array(4 * eventCount)))),
  async known({ eventCount }) {
    const hashes = new Uint32Array(4 * eventCount);
    let filled = 0;
    for await (const piece of runs[0].sorted()) {
      const part = piece.subarray(0, Math.min(piece.length, hashes.length - filled, 4 * 16));
      hashes.set(part, filled);
      filled += part.length;
      if (filled === hashes.length) break;
    }
    return look(windows.full, texts(hashes.subarray(0, filled)));
  },
  async merge({ dir }) {
    const [older, newer] = runs.slice(2, 4);
    const maxHashCount = older.hashCount + newer.hashCount;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = process.cpuUsage();
    const hashes = parts.mergedHashes(older.sorted(), newer.sorted());
    const merged = await parts.writeRun(
      parts.realDisk,
      dir,
      { coverage: coverageOf(99), maxHashCount, hashes },
      never,
    );
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    return {
      cpuUs: (user + system) / merged.hashCount,
      loopMaxMs: delay.max / 1e6,
      loopP99Ms: delay.percentile(99) / 1e6,
    };
  },
});

async function look(window, hashes) {
  let askedCount = 0;
  const before = process.cpuUsage();
  for (let from = 0; from < hashes.length; from += BATCH_COUNT) {
    const asked = [];
    for (let i = from; i < Math.min(hashes.length, from + BATCH_COUNT); i += 1) {
      const found = window.find(hashes[i]);
      if (typeof found !== 'boolean') asked.push(found);
    }
    askedCount += asked.length;
    if (asked.length > 0) await Promise.all(asked);
  }
  const { user, system } = process.cpuUsage(before);
  return { cpuUs: (user + system) / hashes.length, askedShare: askedCount / hashes.length };
}

function known(dedupeDir, given) {
  const sealed = new parts.SealedHashes();
  sealed.replace(
    [],
    given.map((run) => ({ kind: 'run', coverage: run.coverage, run })),
  );
  const active = new parts.HashTable();
  const filler = randomFillSync(new Uint32Array(4 * SEGMENT_EVENT_COUNT));
  for (let at = 0; at < filler.length; at += 4) active.add(filler.subarray(at, at + 4));
  const idle = { kick() {}, idle: async () => {}, close: async () => {} };
  const options = {
    disk: parts.realDisk,
    clock: parts.systemClock,
    dedupeDir,
    windowMs: Infinity,
    budgetBytes: Infinity,
    onNotice() {},
  };
  return new parts.KnownEvents(options, { active, sealed, upkeep: idle, cappedMs: -Infinity });
}

function measureTable() {
  const hashes = randomFillSync(new Uint32Array(4 * SEGMENT_EVENT_COUNT));
  const words = new Uint32Array(4);
  const filled = new parts.HashTable();
  const before = process.cpuUsage();
  for (let at = 0; at < hashes.length; at += 4) {
    for (let word = 0; word < 4; word += 1) words[word] = hashes[at + word];
    filled.add(words);
  }
  const { user, system } = process.cpuUsage(before);
  return {
    tableBytesPerHash: filled.memoryBytes / filled.count,
    tableAddUs: (user + system) / SEGMENT_EVENT_COUNT,
  };
}

/** As many random hashes, in order: their first words are as far apart as in any such set. */
function* sortedHashes(count) {
  const piece = new Uint32Array(4 * PIECE_HASHES);
  for (let from = 0; from < count; from += PIECE_HASHES) {
    randomFillSync(piece);
    const pieceCount = Math.min(PIECE_HASHES, count - from);
    for (let i = 0; i < pieceCount; i += 1) {
      piece[4 * i] = Math.floor(((from + i + (piece[4 * i] / 2 ** 32) * 0.999) / count) * 2 ** 32);
    }
    yield piece.subarray(0, 4 * pieceCount);
  }
}

function texts(hashes) {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  return Array.from({ length: hashes.length / 4 }, (_, i) => bytes.toString('latin1', 16 * i, 16 * i + 16));
}

function coverageOf(sequence) {
  return {
    firstSequence: sequence,
    lastSequence: sequence,
    from: sequence * 1e9,
    to: (sequence + 1) * 1e9,
    createdAtMs: 0,
    lastCreatedAtMs: 0,
    sealedAtMs: Date.now(),
  };
}
