import { expect, it } from 'vitest';
import { describeLedger, letter, settlement } from './contract.ts';
import { describeDeadLetters } from './dead-contract.ts';
import { memoryLedger } from './memory.ts';
import { describeLedgerOverTime } from './over-time-contract.ts';

describeLedger('memory', () => ({ ...memoryLedger(), dispose: () => undefined }));
describeLedgerOverTime('memory', (clock) => ({ ...memoryLedger(clock), dispose: () => undefined }));
describeDeadLetters('memory', () => ({ ...memoryLedger(), dispose: () => undefined }));

it('shows tests what was committed', () => {
  const memory = memoryLedger();
  const committed = settlement({ cursor: 3, dead: [letter(2)] });
  memory.open().commit(committed);
  expect(memory.settlements).toStrictEqual([committed]);
});
