export { SqliteUnavailableError } from './drivers.ts';
export { sqliteFault } from './sqlite.ts';
