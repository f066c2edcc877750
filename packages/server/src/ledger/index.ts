export { LedgerVersionError } from './schema.ts';
export { openLedger } from './sqlite-ledger.ts';
export { openLedgerReader } from './sqlite-reader.ts';
