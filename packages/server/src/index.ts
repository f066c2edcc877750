export { ConfigError, defineConfig, type Config, type SourceConfig, type UserConfig } from './config.ts';
export {
  files,
  webhook,
  type Condition,
  type ConditionParts,
  type EventFilter,
  type FilesOptions,
  type PaceOptions,
  type RetryOptions,
  type RoutingOptions,
  type StartPosition,
  type Transform,
  type WebhookOptions,
} from './destinations/index.ts';
export type { DestinationConfig } from './destinations/destination.ts';
export type { EventType, SegmentEvent } from '@millrace/spec';
