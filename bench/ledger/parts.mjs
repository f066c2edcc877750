/** What is measured of the ledger: none of it is exported by the package. */
export { openLedger } from '../../packages/server/src/ledger/index.ts';
export { openSqlite } from '../../packages/server/src/sqlite/sqlite.ts';
