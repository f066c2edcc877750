import { once } from 'node:events';
import { join, relative, resolve } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../clock.ts';
import { ConfigError, findConfigFile } from '../config.ts';
import { StartupError, prepareFolder, startServer, type RunningServer, type ServerMode } from '../server.ts';
import type { Demo } from '../demo/demo.ts';
import { listenToSignals } from './signals.ts';
import { watchFile } from './watch-file.ts';
import { demoWelcome, welcome } from './welcome.ts';

export interface ServeFlags {
  port: number;
  consolePort: number;
  host: string;
  consoleHost: string;
  data: string;
  config?: string;
  demo?: boolean;
  /** Of the package. */
  version: string;
}

/**
 * `millrace dev` and `millrace start`: prints one `ready` line on stdout, all else on stderr. A
 * first SIGTERM or SIGINT finishes what is in flight and exits 0; a second one exits at once. SIGHUP reloads
 * the config, and `dev` does so by itself when its file changes.
 */
export async function runServer(mode: ServerMode, flags: ServeFlags): Promise<void> {
  const logger = pino({ level: logLevel(mode) }, pino.destination({ dest: 2, sync: true }));
  let server: RunningServer | undefined;
  // Asked for while the server still starts, a reload is made once it has.
  let isReloadAsked = false;
  const reload = (): void => {
    isReloadAsked = true;
    void server?.reload();
  };
  const stopping = listenToSignals(logger, reload);
  // Apart, so that the demo's events never stand among the user's own.
  const dataDir = flags.demo ? join(resolve(flags.data), 'demo') : resolve(flags.data);
  let demo: Demo | undefined;
  let watched: { close(): void } | undefined;
  try {
    if (flags.demo) {
      await prepareFolder(dataDir);
      // Loaded only when asked for: nothing else needs it.
      const { prepareDemo } = await import('../demo/demo.ts');
      demo = await prepareDemo(dataDir, systemClock);
    }
    const configFile = demo?.configFile ?? configFileOf(flags);
    if (mode === 'dev' && configFile !== undefined) watched = await watchFile(configFile, reload);
    server = await startServer({
      mode,
      port: flags.port,
      consolePort: flags.consolePort,
      host: flags.host,
      consoleHost: flags.consoleHost,
      consoleToken: process.env['MILLRACE_CONSOLE_TOKEN'],
      dataDir,
      version: flags.version,
      configFile,
      clock: systemClock,
      logger,
      signal: stopping,
    });
  } catch (error) {
    if (stopping.aborted) process.exit(0);
    if (!(error instanceof StartupError || error instanceof ConfigError)) throw error;
    fail(error.message);
  }
  if (isReloadAsked) void server.reload();
  process.stdout.write(`ready tracking=${server.trackingUrl} console=${server.consoleUrl}\n`);
  if (demo) process.stderr.write(demoWelcome({ ...server, dataDir: relative(process.cwd(), dataDir) }));
  else if (mode === 'dev') process.stderr.write(welcome(server));
  const traffic = demo?.startTraffic(server.trackingUrl);
  if (!stopping.aborted) await once(stopping, 'abort');
  watched?.close();
  await traffic?.stop();
  await server.stop();
  await demo?.close();
  process.exit(0);
}

function configFileOf({ config }: ServeFlags): string | undefined {
  return config === undefined ? findConfigFile(process.cwd()) : resolve(config);
}

/** In `dev` only trouble is logged: the page shows the rest. `MILLRACE_LOG_LEVEL` overrides. */
function logLevel(mode: ServerMode): string {
  const wanted = process.env['MILLRACE_LOG_LEVEL'] ?? (mode === 'dev' ? 'warn' : 'info');
  const levels = ['silent', ...Object.keys(pino.levels.values)];
  if (levels.includes(wanted)) return wanted;
  return fail(`MILLRACE_LOG_LEVEL: expected one of ${levels.join(', ')}, got ${JSON.stringify(wanted)}`);
}

function fail(message: string): never {
  process.stderr.write(`millrace: ${message.replaceAll('\n', '\nmillrace: ')}\n`);
  process.exit(1);
}
