import { createServer } from 'node:http';
import { answer } from '../answers.mjs';

/** A process: two webhooks' ends. `/sound` answers at once and measures from the stamp in each event; `/slow` takes its time. */

const SLOW_MS = 2_000;

let latencies = [];
let expectedCount = Infinity;
/** @type {() => void} */
let arrived = () => {};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/slow') {
      setTimeout(() => response.end(), SLOW_MS);
      return;
    }
    const nowMs = performance.timeOrigin + performance.now();
    response.end();
    latencies.push(nowMs - JSON.parse(Buffer.concat(chunks).toString()).properties.sentAtMs);
    if (latencies.length >= expectedCount) arrived();
  });
});
server.keepAliveTimeout = 120_000;

answer({
  async listen() {
    await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
    return server.address().port;
  },
  reset() {
    latencies = [];
    expectedCount = Infinity;
  },
  /** Answers with milliseconds from call to arrival, of as many events as came within the limit. */
  async take({ expectedCount: wanted, limitMs }) {
    expectedCount = wanted;
    if (latencies.length < wanted) {
      const timer = setTimeout(() => arrived(), limitMs);
      await new Promise((resolve) => {
        arrived = resolve;
      });
      clearTimeout(timer);
    }
    return latencies;
  },
});
