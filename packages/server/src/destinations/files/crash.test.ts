import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { openLedger } from '../../ledger/index.ts';
import type { Ledger, PendingEvent } from '../../ledger/ledger.ts';
import { deliveryEvent } from '../contract.ts';
import type { DeliveryEvent } from '../destination.ts';
import { createFiles } from './files.ts';

/** What happens to one call of `deliver`, or before it. */
type Step =
  | { kind: 'commit'; count: number }
  /** The process dies after so many of a thousand parts of what it was writing. */
  | { kind: 'crash'; count: number; writtenPerMille: number }
  /** The first event fails for another reason and waits its turn behind the others. */
  | { kind: 'postpone' };

const DAYS = ['2026-03-01', '2026-03-02', '2026-03-03'];
const count = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), count }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      count,
      writtenPerMille: fc.integer({ min: 0, max: 1_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('postpone' as const) }) },
);
/** Mostly the day of the event before, as around midnight. */
const daysOfEvents = fc.array(fc.constantFrom(0, 0, 0, 1, 1, 2), { minLength: 1, maxLength: 12 });

it('leaves no torn, doubled or missing line, wherever it crashes', async () => {
  await fc.assert(
    fc.asyncProperty(daysOfEvents, fc.array(step, { maxLength: 30 }), async (days, steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-crash-'));
      try {
        const events = days.map((day, index) =>
          deliveryEvent(`message-${index}`, {
            receivedAt: `${DAYS[day]}T12:00:00.000Z`,
            properties: { day },
          }),
        );
        const path = join(folder, 'ledger.db');
        await writeAll(events, join(folder, 'out'), () => openLedger(path), steps);
        const written = readLines(join(folder, 'out'));
        const expected = events.map(
          ({ event, json }) => `${event.receivedAt.slice(0, 10)} ${json.toString()}`,
        );
        expect(written.toSorted()).toStrictEqual(expected.toSorted());
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

/** A router of the simplest kind: one delivery at a time, postponed events last. */
async function writeAll(
  events: readonly DeliveryEvent[],
  dir: string,
  open: () => Ledger,
  steps: readonly Step[],
): Promise<void> {
  const remaining = [...steps];
  const destination = createFiles({ dir });
  const destinationId = 'disk';
  let ledger = open();
  for (;;) {
    const { cursor = 0, state, pending } = ledger.load(destinationId, 0);
    const positions = [...range(cursor, events.length), ...pending.map(({ position }) => position)];
    const [first] = positions;
    if (first === undefined) break;
    const next = remaining.shift() ?? { kind: 'commit', count: 6 };
    if (next.kind === 'postpone') {
      const postponed: PendingEvent = { position: first, attemptCount: 1, notBeforeMs: 0 };
      const after = Math.max(cursor, first + 1);
      ledger.commit({
        destinationId,
        partition: 0,
        cursor: after,
        decisions: [],
        pending: [postponed],
        dead: [],
      });
      continue;
    }
    const offered = positions.slice(0, next.count);
    const sizesBefore = sizes(dir);
    const result = await destination.deliver(
      offered.map((position) => events[position]!),
      { state, signal: new AbortController().signal },
    );
    if (next.kind === 'crash') {
      tear(dir, sizesBefore, next.writtenPerMille);
      ledger.close();
      ledger = open();
      continue;
    }
    expect(result.outcomes.every(({ kind }) => kind === 'delivered')).toBe(true);
    const done = offered.slice(0, result.outcomes.length);
    ledger.commit({
      destinationId,
      partition: 0,
      cursor: Math.max(cursor, ...done.map((position) => position + 1)),
      ...(result.state && { state: result.state }),
      decisions: done.map((position) => ({ position, outcome: 'delivered', code: '' })),
      pending: [],
      dead: [],
    });
  }
  ledger.close();
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function sizes(dir: string): Map<string, number> {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return new Map(names.map((name) => [name, statSync(join(dir, name)).size]));
}

/** Takes away the end of what has just been written, as if the process had died on the way. */
function tear(dir: string, before: ReadonlyMap<string, number>, writtenPerMille: number): void {
  for (const [name, size] of sizes(dir)) {
    const grownBytes = size - (before.get(name) ?? 0);
    if (grownBytes <= 0) continue;
    truncateSync(join(dir, name), size - Math.floor((grownBytes * (1_000 - writtenPerMille)) / 1_000));
  }
}

/** Each line behind the day of its file; a torn one would be no line of an event. */
function readLines(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const text = readFileSync(join(dir, name), 'utf8');
    expect(text === '' || text.endsWith('\n')).toBe(true);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => `${name.replace('.ndjson', '')} ${line}`);
  });
}
