import { parseArgs } from 'node:util';
import { breachesOf } from './count.ts';
import { tableOf } from './table.ts';
import { torture } from './torture.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new RangeError(`--minutes: expected a number above 0, got ${values.minutes}`);

const evidence = await torture({
  minKillCount: 30,
  minMs: minutes * 60_000,
  maxLifeMs: 5_000,
  onKill: ({ what, restartMs }, { sent, answered }) =>
    say(
      `killed the ${what}; back after ${Math.round(restartMs)} ms; sent ${sent.size}, answered ${answered.size}`,
    ),
});
say(`\n${tableOf(evidence)}`);
const breaches = breachesOf(evidence);
for (const breach of breaches) say(`BREACH ${breach}`);
process.exitCode = breaches.length > 0 ? 1 : 0;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
