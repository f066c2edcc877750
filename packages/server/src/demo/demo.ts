import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { demoConfig } from './config.ts';
import { startReceiver } from './receiver.ts';
import { createSenders } from './senders.ts';
import { shopCalls } from './shop.ts';
import { runTraffic } from './traffic.ts';
import { crm, newsletter } from './vendors.ts';

/** A shop that sends events, and the vendors that get them, for `millrace dev --demo`. */
export interface Demo {
  /** For the server: the shop's sources, a folder of files and both vendors. */
  configFile: string;
  startTraffic(trackingUrl: string): Traffic;
  /** Ends the vendors; for after the server's stop. */
  close(): Promise<void>;
}

export interface Traffic {
  /** No further event; delivers those that are queued, within two seconds. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Starts the vendors and writes a config that names them.
 * @param dataDir A folder that exists; config and files go there.
 */
export async function prepareDemo(dataDir: string, clock: Clock): Promise<Demo> {
  const vendors = await Promise.all([startReceiver(crm, clock), startReceiver(newsletter, clock)]);
  const config = demoConfig({ crmUrl: vendors[0].url, newsletterUrl: vendors[1].url });
  const configFile = join(dataDir, 'millrace.config.json');
  // A file, since the router evaluates the config itself.
  await writeFile(configFile, `${JSON.stringify(config, undefined, 2)}\n`);
  return {
    configFile,
    startTraffic(trackingUrl) {
      const senders = createSenders(trackingUrl);
      const traffic = runTraffic({ calls: shopCalls(clock), sender: senders, clock });
      return {
        stop: async () => {
          await traffic.stop();
          await senders.close();
        },
      };
    },
    close: async () => {
      await Promise.all(vendors.map((vendor) => vendor.close()));
    },
  };
}
