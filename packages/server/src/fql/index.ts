export { FqlError } from './fql-error.ts';
export { parseFql } from './parse.ts';
