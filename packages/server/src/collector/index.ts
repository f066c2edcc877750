export { createCollector, type CollectorLogger, type CollectorOptions } from './collector.ts';
export type { CollectorLimits } from './limits.ts';
export type { Refusal } from './refusal.ts';
export {
  SourcesFileError,
  SourceWriteError,
  configuredSources,
  discoveredSources,
  type DiscoveredSourcesOptions,
  type Source,
  type SourceRegistry,
} from './sources.ts';
