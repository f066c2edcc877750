export { ConfigError, defineConfig, type Config, type SourceConfig, type UserConfig } from './config.ts';
export { files, webhook } from './destinations/index.ts';
export type { DestinationConfig } from './destinations/destination.ts';
