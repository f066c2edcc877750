import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fault, Outcome } from '../packages/node/test/faults/fault.ts';
import { FAULTS } from '../packages/node/test/faults/faults.ts';
import { measureAll } from '../packages/node/test/faults/measure.ts';
import { reasonAgainst } from '../packages/node/test/faults/spool-folder.ts';
import { SPOOL_FAULTS } from '../packages/node/test/faults/spool-faults.ts';
import { cellsOf, tableIn, withTable } from '../packages/node/test/faults/table.ts';

const PAGE = new URL('../docs/guarantees.md', import.meta.url);
const page = (): string => readFileSync(PAGE, 'utf8');

const ROWS = [...FAULTS, ...SPOOL_FAULTS];
/** Why a row cannot be had here. */
const reasons = new Map(ROWS.map((fault) => [fault, reasonAgainst(fault.spool)]));
const possible = ROWS.filter((fault) => reasons.get(fault) === undefined);

let outcomes: Map<Fault, Outcome>;

beforeAll(async () => {
  outcomes = await measureAll(possible);
}, 240_000);

describe.each(ROWS.map((fault) => [fault.name, fault] as const))('when %s', (_, fault) => {
  it('becomes of the events, and of the process, what is promised', (test) => {
    const reason = reasons.get(fault);
    if (reason !== undefined) test.skip(reason);
    const { deliveredCount, duplicateCount = 0, reported = {}, handled, flushRejects } = fault.expected;
    const outcome = outcomes.get(fault)!;
    expect(outcome.trackedCount).toBeGreaterThan(0);
    expect(outcome).toMatchObject({
      ...(deliveredCount === 'all' ? { lostCount: 0 } : { deliveredCount }),
      ...(typeof duplicateCount === 'number' && { duplicateCount }),
      // An event keeps its id however often it is sent.
      messageIdCount: outcome.deliveredCount,
      reported,
      handled: handled ?? Object.keys(reported).toSorted(),
      exitCode: 0,
      stderr: '',
    });
    expect(outcome.flushRejects).toBe(flushRejects);
    expect(outcome.endedAfterMs).toBeLessThan(fault.expected.endsWithinMs);
    expect(outcome.memoryMb).toBeLessThan(fault.expected.memoryWithinMb);
  });
});

it('is what docs/guarantees.md says', () => {
  const rows = possible.map((fault) => cellsOf(fault, outcomes.get(fault)!));
  const impossible = ROWS.filter((fault) => !possible.includes(fault)).map(({ name }) => name);
  if (process.env['FAULTS_TABLE'] === 'write') {
    if (impossible.length > 0) throw new Error(`the table needs all of its rows: ${impossible.join('; ')}`);
    writeFileSync(PAGE, withTable(page(), rows));
  }
  expect(tableIn(page()).filter(([name]) => !impossible.includes(name!))).toEqual(rows);
});
