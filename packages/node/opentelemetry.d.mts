export { instrument } from './opentelemetry.cjs';
export type { InstrumentOptions } from './opentelemetry.cjs';
