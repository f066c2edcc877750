export { Analytics } from './analytics.ts';
export type { AnalyticsError } from './errors.ts';
export type { FlushOptions } from './flush.ts';
export type { AnalyticsOptions, AnalyticsSettings, Overflow } from './options.ts';
export type { Callback, FlushData } from './outgoing.ts';
export type { QueueItem } from './queue.ts';
