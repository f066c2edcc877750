import { messageOf } from '../event.mjs';
import { ADAPTERS } from './adapters/adapter.mjs';

/** A program that tracks a thousand events and has nothing more to do: no flush, no exit. */

const [contender, host, dir, eventCount] = process.argv.slice(2);
const adapter = await ADAPTERS[contender]();
const client = adapter.create(host, dir);
for (let index = 0; index < Number(eventCount); index += 1) client.track(adapter.prepare(messageOf(index)));
process.send('tracked');
// The channel would hold the process.
process.disconnect();
