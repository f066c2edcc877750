import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Fault, Outcome } from '../packages/node/test/faults/fault.ts';
import { FAULTS } from '../packages/node/test/faults/faults.ts';
import { measureAll } from '../packages/node/test/faults/measure.ts';
import { cellsOf, tableIn, withTable } from '../packages/node/test/faults/table.ts';

const PAGE = new URL('../docs/guarantees.md', import.meta.url);
const page = (): string => readFileSync(PAGE, 'utf8');

let outcomes: Map<Fault, Outcome>;

beforeAll(async () => {
  outcomes = await measureAll(FAULTS);
}, 240_000);

describe.each(FAULTS.map((fault) => [fault.name, fault] as const))('when %s', (_, fault) => {
  it('becomes of the events, and of the process, what is promised', () => {
    const { deliveredCount, duplicateCount = 0, reported = {}, handled, flushRejects } = fault.expected;
    const outcome = outcomes.get(fault)!;
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
  const rows = FAULTS.map((fault) => cellsOf(fault, outcomes.get(fault)!));
  if (process.env['FAULTS_TABLE'] === 'write') writeFileSync(PAGE, withTable(page(), rows));
  expect(tableIn(page())).toEqual(rows);
});
