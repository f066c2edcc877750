import { Pool } from 'undici';
import { HEADERS } from './target-config.mjs';

/**
 * Requests over so many connections, each sending the next as soon as the last is answered: how much fits through.
 * @param {{ url: string, bodies: import('./bodies.mjs').Bodies, connections: number, durationMs?: number,
 *   requestMaxCount?: number }} load Ends at whichever comes first.
 */
export async function closedLoop({
  url,
  bodies,
  connections,
  durationMs = Infinity,
  requestMaxCount = Infinity,
}) {
  const pool = new Pool(url, { connections, pipelining: 1 });
  let sentCount = 0;
  let requestCount = 0;
  let refusedCount = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + durationMs;
  const sendUntilTime = async () => {
    while (performance.now() < untilMs && sentCount < requestMaxCount) {
      sentCount += 1;
      const { path } = bodies;
      const answer = await pool.request({ path, method: 'POST', headers: HEADERS, body: bodies.next() });
      await answer.body.dump();
      requestCount += 1;
      if (answer.statusCode !== 200) refusedCount += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, sendUntilTime));
  const elapsedMs = performance.now() - startedMs;
  await pool.close();
  const acceptedCount = (requestCount - refusedCount) * bodies.eventCount;
  return { requestCount, refusedCount, acceptedCount, elapsedMs };
}
