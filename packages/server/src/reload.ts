import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { ConfigError, loadConfig, type Config } from './config.ts';
import { ConfigRefusedError, RouterStartError, type RouterProcess } from './router/supervisor.ts';

export interface ReloaderOptions {
  configFile: string;
  /** What runs. */
  config: Config;
  router: Pick<RouterProcess, 'check' | 'replace'>;
  /** Why this server may not run with a config that is sound by itself, or undefined. */
  faultOf: (config: Config) => string | undefined;
  /** What the server process itself takes of a config, before the router is replaced. */
  apply: (config: Config) => Promise<void>;
  /** How long deliveries in flight may take to finish. */
  routerStopMs: number;
  logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  load?: (file: string) => Promise<Config>;
}

export interface Reloader {
  /**
   * Reads the config file again and runs by it; one that cannot be used changes nothing. Calls made while one is under
   * way share the next one, since the file may have changed in between. Never rejects.
   */
  reload(): Promise<void>;
  /** Why the last reload was refused; undefined after one that was not. Safe to show. */
  fault(): string | undefined;
}

/** What is given to parts that are made once. */
const NEEDS_START = ['log', 'publicUrl', 'trustProxy'] as const;

export function createReloader(options: ReloaderOptions): Reloader {
  const { configFile, router, faultOf, apply, routerStopMs, logger, load = loadConfig } = options;
  let { config } = options;
  let fault: string | undefined;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function reloadOnce(): Promise<void> {
    let loaded: Config;
    try {
      // First where a config that throws, hangs or ends its process hurts nobody.
      await router.check(configFile);
      loaded = await load(configFile);
      const unfit = faultOf(loaded);
      if (unfit !== undefined) throw new ConfigRefusedError(unfit);
      await apply(loaded);
    } catch (error) {
      fault = wordsOf(error);
      logger.error({ fault }, 'the config was not reloaded: the one before stays');
      return;
    }
    for (const key of NEEDS_START) {
      if (!isDeepStrictEqual(loaded[key], config[key]))
        logger.warn(`${key} in the config has changed; that takes effect at the next start`);
    }
    config = loaded;
    try {
      await router.replace({ timeoutMs: routerStopMs });
    } catch (error) {
      if (!(error instanceof RouterStartError)) throw error;
      fault = error.message;
      logger.error({ fault }, 'the router does not start with the new config; it is tried again');
      return;
    }
    fault = undefined;
    logger.info(
      { sources: loaded.sources.length, destinations: loaded.destinations.length },
      'config reloaded',
    );
  }

  async function run(): Promise<void> {
    try {
      await reloadOnce();
    } catch (error) {
      fault = 'the reload failed; see the log of the server';
      logger.error({ err: error }, 'the config was not reloaded');
    }
    running = undefined;
  }

  return {
    reload() {
      if (!running) return (running = run());
      next ??= running.then(() => {
        next = undefined;
        return (running = run());
      });
      return next;
    },
    fault: () => fault,
  };
}

function wordsOf(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ConfigRefusedError) return error.message;
  throw error;
}
