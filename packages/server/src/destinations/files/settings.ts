import { resolve } from 'node:path';
import type { JsonObject } from '@millrace/spec';
import { z } from 'zod';
import type { DestinationConfig } from '../destination.ts';
import { destinationConfig, type RoutingOptions } from '../routing.ts';

export const FILES_NAME = 'Files';

export interface FilesOptions extends RoutingOptions {
  /** Unique among the destinations; lower-case letters, digits and dashes. */
  id: string;
  /**
   * The folder, made when it is missing; a relative one stands beside the config file. No two
   * destinations may share one: each cuts a file where it stopped writing.
   */
  dir: string;
}

/** Writes events to one NDJSON file a day. Used in a config; the checks run when the server loads it. */
export function files(options: FilesOptions): DestinationConfig {
  return destinationConfig('files', options);
}

export type FilesSettings = z.output<ReturnType<typeof filesSettings>>;

/** @param folder What a relative `dir` is relative to. */
export function filesSettings(folder: string) {
  return z.strictObject({
    dir: z
      .string()
      .min(1, 'expected a folder')
      .transform((dir) => resolve(folder, dir)),
  });
}

/** Two that wrote into one folder would cut each other's lines. */
export function ownFolder(settings: JsonObject): { setting: string; value: string } {
  return { setting: 'dir', value: String(settings['dir']) };
}
