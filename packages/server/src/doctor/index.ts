export { examine, type Examination } from './doctor.ts';
export type { Finding } from './finding.ts';
export { rebuild } from './rebuild.ts';
