import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { basename } from 'node:path';

/** Preloaded with --cpu-prof: profiles this process from its start, and writes the profile at its exit. */

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.start');

process.on('exit', () => {
  session.post('Profiler.stop', (error, stopped) => {
    if (error) return;
    const role = basename(process.argv[1] ?? 'node').replace(/\.[^.]*$/, '');
    writeFileSync(
      `${process.env['BENCH_PROFILE']}.${role}.${process.pid}.cpuprofile`,
      JSON.stringify(stopped.profile),
    );
  });
});
