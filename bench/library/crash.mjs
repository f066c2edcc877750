import { answer } from '../answers.mjs';
import { messageOf } from '../event.mjs';
import { ADAPTERS } from './adapters/adapter.mjs';

/** A program that is killed while the server is away, and the one that is started after it. */

answer({
  /** Tracks the same number in each of many turns of the loop, and is killed within the last of them. */
  async crash({ contender, host, dir, eventCount, turnCount }) {
    const adapter = await ADAPTERS[contender]();
    const client = adapter.create(host, dir);
    const perTurnCount = eventCount / turnCount;
    for (let turn = 0; turn < turnCount; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      for (let at = 0; at < perTurnCount; at += 1) {
        client.track(adapter.prepare(messageOf(turn * perTurnCount + at)));
      }
    }
    process.kill(process.pid, 'SIGKILL');
  },
  async restart({ contender, host, dir }) {
    const adapter = await ADAPTERS[contender]();
    adapter.create(host, dir);
  },
});
