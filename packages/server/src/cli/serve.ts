import { resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { ConfigError, findConfigFile } from '../config.ts';
import { StartupError, startServer, type RunningServer, type ServerMode } from '../server.ts';
import { welcome } from './welcome.ts';

export interface ServeFlags {
  port: number;
  consolePort: number;
  host: string;
  consoleHost: string;
  data: string;
  config?: string;
}

/**
 * `millrace dev` and `millrace start`: prints one `ready` line on stdout, all else on stderr. A
 * first SIGTERM or SIGINT finishes what is in flight and exits 0; a second one exits at once.
 */
export async function runServer(mode: ServerMode, flags: ServeFlags): Promise<void> {
  const logger = pino({ level: logLevel(mode) }, pino.destination({ dest: 2, sync: true }));
  const stopped = stopSignal(logger);
  let server: RunningServer;
  try {
    server = await startServer({
      mode,
      port: flags.port,
      consolePort: flags.consolePort,
      host: flags.host,
      consoleHost: flags.consoleHost,
      consoleToken: process.env['MILLRACE_CONSOLE_TOKEN'],
      dataDir: resolve(flags.data),
      configFile: flags.config === undefined ? findConfigFile(process.cwd()) : resolve(flags.config),
      clock: systemClock,
      logger,
    });
  } catch (error) {
    if (!(error instanceof StartupError || error instanceof ConfigError)) throw error;
    process.stderr.write(`millrace: ${error.message.replaceAll('\n', '\nmillrace: ')}\n`);
    process.exit(1);
  }
  process.stdout.write(`ready tracking=${server.trackingUrl} console=${server.consoleUrl}\n`);
  if (mode === 'dev') process.stderr.write(welcome(server));
  await stopped;
  await server.stop();
  process.exit(0);
}

/** In `dev` only trouble is logged: the page shows the rest. `MILLRACE_LOG_LEVEL` overrides. */
function logLevel(mode: ServerMode): string {
  const wanted = process.env['MILLRACE_LOG_LEVEL'];
  if (wanted !== undefined && (wanted === 'silent' || wanted in pino.levels.values)) return wanted;
  return mode === 'dev' ? 'warn' : 'info';
}

function stopSignal(logger: Logger): Promise<void> {
  return new Promise((stop) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        logger.info({ signal }, 'stopping');
        stop();
      });
    }
  });
}
