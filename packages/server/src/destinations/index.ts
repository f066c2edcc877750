import type { JsonObject } from '@millrace/spec';
import type { z } from 'zod';
import type { Destination, DestinationConfig } from './destination.ts';
import { FILES_NAME, filesSettings, ownFolder } from './files/settings.ts';
import { WEBHOOK_NAME, webhookSettings } from './webhook/settings.ts';

export { files, type FilesOptions } from './files/settings.ts';
export type { PaceOptions, RetryOptions } from './pace.ts';
export { routingShape } from './routing-schema.ts';
export type {
  Condition,
  ConditionParts,
  EventFilter,
  RoutingOptions,
  StartPosition,
  Transform,
} from './routing.ts';
export { webhook, type WebhookOptions } from './webhook/settings.ts';

/** What a config may name. The code that delivers is loaded only where it is used: in the router. */
export interface DestinationKind {
  /** Its key in an event's `integrations` object, and what people call it. */
  name: string;
  /** Checks settings and fills in defaults; relative paths are taken from `folder`. */
  settings(folder: string): z.ZodType<JsonObject>;
  load(): Promise<(settings: JsonObject) => Destination>;
  /** The setting that no two enabled instances may have the same value of. */
  owns?(settings: JsonObject): { setting: string; value: string };
}

export const destinationKinds: Readonly<Record<string, DestinationKind>> = {
  webhook: kind(WEBHOOK_NAME, webhookSettings, async () => {
    const { createWebhook } = await import('./webhook/webhook.ts');
    return (settings) => createWebhook(settings);
  }),
  files: {
    ...kind(FILES_NAME, filesSettings, async () => {
      const { createFiles } = await import('./files/files.ts');
      return createFiles;
    }),
    owns: ownFolder,
  },
};

/** Makes the destination of a checked config. */
export async function createDestination(config: DestinationConfig): Promise<Destination> {
  const kind = Object.hasOwn(destinationKinds, config.kind) ? destinationKinds[config.kind] : undefined;
  if (!kind) throw new Error(`there is no destination of kind "${config.kind}"`);
  const create = await kind.load();
  return create(config.settings);
}

function kind<Settings extends JsonObject>(
  name: string,
  settings: (folder: string) => z.ZodType<Settings>,
  load: () => Promise<(settings: Settings) => Destination>,
): DestinationKind {
  return {
    name,
    settings,
    async load() {
      const create = await load();
      return (checked) => create(settings('').parse(checked));
    },
  };
}
