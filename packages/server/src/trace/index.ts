export { createTraceReader } from './trace.ts';
export type { EventTrace, TraceReader, TraceReply } from './trace.ts';
