import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
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
