import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runBackup, type BackupFlags } from './backup.ts';
import { addDeadCommands } from './dead.ts';
import { runDoctor, type DoctorFlags } from './doctor.ts';
import { runSearch, type SearchFlags } from './search.ts';
import { runTrace, type TraceFlags } from './trace.ts';
import { runServer, type ServeFlags } from './serve.ts';

const version = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

const program = new Command('millrace')
  .description('Receive events over the Segment Tracking API, keep them, route them to every destination.')
  .version(version);

withServeFlags(
  program
    .command('dev')
    .description(
      'run on this machine with no configuration needed: any write key is accepted, the page shows all',
    )
    .addOption(
      new Option(
        '--demo',
        'run with a shop that sends events, its own config, and data in "demo" of --data',
      ).conflicts('config'),
    ),
).action((flags: ServeFlags) => runServer('dev', { ...flags, version }));

withServeFlags(
  program.command('start').description('run with a configuration that names its sources'),
).action((flags: ServeFlags) => runServer('start', { ...flags, version }));

program
  .command('trace')
  .description('show what became of an event: from the running server, else from the files')
  .argument('<messageId>')
  .option('--data <dir>', 'folder for all data', '.millrace')
  .option('--console <url>', 'the console to ask (default: that of the server on the data folder)')
  .option('--json', 'print JSON')
  .action((messageId: string, flags: TraceFlags) => runTrace(messageId, flags));

program
  .command('search')
  .description('find events, newest first: by the running server, else in the files')
  .option('--event <name>', 'the name of a track event, a page or a screen')
  .option('--user <id>', 'its userId')
  .option('--anonymous <id>', 'its anonymousId')
  .option('--message <id>', 'its messageId')
  .option('--type <type>', 'track, identify, page, screen, group or alias')
  .option('--source <id>', 'the source that it came from')
  .addOption(timeOption('--from <time>', 'received at that time (ISO 8601) or later'))
  .addOption(timeOption('--to <time>', 'received before that time'))
  .option('--text <text>', 'what stands anywhere in the event, upper and lower case as given')
  .addOption(
    new Option('--limit <number>', 'how many at most').default(50).argParser((value) => {
      const limit = Number(value);
      if (/^\d+$/.test(value) && limit >= 1 && limit <= 1_000_000) return limit;
      throw new InvalidArgumentError('expected a whole number from 1 to 1000000');
    }),
  )
  .option('--data <dir>', 'folder for all data', '.millrace')
  .option('--console <url>', 'the console to ask (default: that of the server on the data folder)')
  .option('--json', 'print each event as a line of JSON')
  .action((flags: SearchFlags) => runSearch(flags));

program
  .command('doctor')
  .description('look through a data folder for damage; beside a running server too')
  .option('--data <dir>', 'folder for all data', '.millrace')
  .option('--config <file>', 'config file, as for start: how far back duplicates are found')
  .option('--rebuild', 'make again what is derived from the log and is damaged; with the server stopped')
  .option('--json', 'print JSON')
  .action((flags: DoctorFlags) => runDoctor(flags));

addDeadCommands(program);

program
  .command('backup')
  .description('copy all that a server needs to go on; also while it runs')
  .argument('<folder>', 'where to; must not exist yet')
  .option('--data <dir>', 'folder for all data', '.millrace')
  .action((folder: string, flags: BackupFlags) => runBackup(folder, flags));

await program.parseAsync();

function withServeFlags(command: Command): Command {
  return command
    .addOption(portOption('--port <number>', 'port of the Tracking API; 0 picks a free one', 3700))
    .addOption(portOption('--console-port <number>', 'port of the console; 0 picks a free one', 3701))
    .option(
      '--host <address>',
      'address the Tracking API listens on; beyond loopback it needs configured sources',
      '127.0.0.1',
    )
    .option(
      '--console-host <address>',
      'address the console listens on; beyond loopback it needs MILLRACE_CONSOLE_TOKEN',
      '127.0.0.1',
    )
    .option('--data <dir>', 'folder for all data', '.millrace')
    .option(
      '--config <file>',
      'config file (default: millrace.config.ts, .mts, .js, .mjs or .json here, if there is one)',
    );
}

function portOption(flags: string, description: string, fallback: number): Option {
  return new Option(flags, description).default(fallback).argParser((value) => {
    const port = Number(value);
    if (/^\d+$/.test(value) && port <= 65_535) return port;
    throw new InvalidArgumentError('expected a whole number from 0 to 65535');
  });
}

function timeOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((value) => {
    const ms = Date.parse(value);
    if (/^\d{4}-/.test(value) && Number.isFinite(ms)) return ms;
    throw new InvalidArgumentError('expected a time such as 2026-01-31 or 2026-01-31T12:00:00Z');
  });
}
