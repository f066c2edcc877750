import type { UserConfig } from '../config.ts';
import { files, webhook } from '../destinations/index.ts';
import { SOURCES } from './sources.ts';

/** The shop's sources and where their events go, as a user would write it. */
export function demoConfig({ crmUrl, newsletterUrl }: { crmUrl: string; newsletterUrl: string }): UserConfig {
  return {
    sources: SOURCES.map((source) => ({ ...source })),
    destinations: [
      files({ id: 'archive', dir: 'events' }),
      webhook({ id: 'crm', url: crmUrl }),
      // So that its silence shows as time-outs soon.
      webhook({ id: 'newsletter', url: newsletterUrl, timeoutMs: 2_000 }),
    ],
  };
}
