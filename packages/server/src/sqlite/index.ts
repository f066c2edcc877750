export { copyDatabase } from './copy-database.ts';
export { SqliteUnavailableError } from './drivers.ts';
export { passingFault, sqliteFault } from './sqlite.ts';
