import { Agent, request } from 'undici';
import { answer } from '../answers.mjs';

/** A process: the same bodies to the same addresses, as many at a time, and nothing else. */

/** A pool for each address, as each destination has its own. */
const pools = new Map();

const HEADERS = { 'content-type': 'application/json', 'user-agent': 'bench' };

answer({
  /** Answers when the first requests are on their way; goes on until all are answered. */
  start({ urls, body, requestCount, concurrency }) {
    for (const url of urls) void postAll(url, Buffer.from(body), requestCount, concurrency);
  },
});

async function postAll(url, body, requestCount, concurrency) {
  if (!pools.has(url)) pools.set(url, new Agent({ connections: concurrency }));
  const dispatcher = pools.get(url);
  let startedCount = 0;
  const postNext = async () => {
    while (startedCount < requestCount) {
      startedCount += 1;
      const response = await request(url, { method: 'POST', headers: HEADERS, body, dispatcher });
      await response.body.dump();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, postNext));
}
