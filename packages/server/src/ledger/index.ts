export { examineLedger, type ExaminedDestination, type LedgerExamination } from './examine-ledger.ts';
export { LedgerVersionError } from './schema.ts';
export { openLedger } from './sqlite-ledger.ts';
export { openLedgerReader } from './sqlite-reader.ts';
