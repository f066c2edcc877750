import { createServer } from 'node:http';
import { answer } from '../answers.mjs';

/**
 * A process: the webhooks' end. It holds every request until it is released, so that a backlog can build up,
 * and then measures how long all of it takes to arrive.
 */

const ID = Buffer.from('"messageId":');

let held = [];
let holding = true;
let eventCount = 0;
let expectedCount = Infinity;
let releasedMs = 0;
/** @type {Buffer} */
let largestBody = Buffer.alloc(0);
/** @type {() => void} */
let arrived = () => {};

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    if (body.length > largestBody.length) largestBody = body;
    if (holding) held.push({ response, body });
    else accept(response, body);
  });
});
server.keepAliveTimeout = 120_000;

answer({
  async listen() {
    await new Promise((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
    return server.address().port;
  },
  hold() {
    holding = true;
    eventCount = 0;
    expectedCount = Infinity;
    largestBody = Buffer.alloc(0);
  },
  heldCount: () => held.length,
  /** Answers with how many events came, and in how many milliseconds; fewer where the limit came first. */
  async release({ expectedCount: wanted, limitMs }) {
    expectedCount = wanted;
    holding = false;
    releasedMs = performance.now();
    const all = new Promise((resolve) => {
      arrived = resolve;
    });
    for (const { response, body } of held.splice(0)) accept(response, body);
    const timer = setTimeout(arrived, limitMs);
    await all;
    clearTimeout(timer);
    return { deliveredCount: eventCount, elapsedMs: performance.now() - releasedMs };
  },
  /** The largest body, as an example of what is posted. */
  sample: () => ({ body: largestBody.toString(), eventCount: eventsIn(largestBody) }),
});

/**
 * @param {import('node:http').ServerResponse} response
 * @param {Buffer} body
 */
function accept(response, body) {
  response.writeHead(200).end();
  eventCount += eventsIn(body);
  if (eventCount >= expectedCount) arrived();
}

/** @param {Buffer} body */
function eventsIn(body) {
  let count = 0;
  for (let at = body.indexOf(ID); at !== -1; at = body.indexOf(ID, at + ID.length)) count += 1;
  return count;
}
