// Calls a handler as AWS Lambda does: one event after another in one process, which is frozen from
// the moment that the handler's promise is settled until the next event. An event is a line of
// stdin, an answer a line of stdout; SIGCONT comes from outside.
import { createInterface } from 'node:readline';

const { handler } = await import(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await handler(JSON.parse(line), { getRemainingTimeInMillis: () => 3000 });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  process.kill(process.pid, 'SIGSTOP');
}
