export { createConsole, type ConsoleOptions } from './console.ts';
export { countReceived, type CountedLog } from './received-counter.ts';
export { createMetrics } from './metrics.ts';
export { createRefusedRing, type RefusedRing } from './refused-ring.ts';
export type { ConsoleDestination, ConsoleSource, RouterStatus } from './status.ts';
