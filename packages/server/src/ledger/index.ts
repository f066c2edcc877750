export { LedgerVersionError } from './schema.ts';
export { SqliteUnavailableError } from './sqlite-drivers.ts';
export { openLedger } from './sqlite-ledger.ts';
export { openLedgerReader } from './sqlite-reader.ts';
export { sqliteFault } from './sqlite.ts';
