import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { answer } from '../answers.mjs';

/** A process: takes whatever a library posts, and counts the events by their ids. */

/** `uuid` is PostHog's name for it. */
const ID = /"(?:messageId|uuid)":"([^"]+)"/g;

let counts = emptyCounts();
let lastEventMs = 0;
/** Any that is free, at first. */
let port = 0;
const ids = new Set();

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    count(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"success":true}');
  });
});
server.keepAliveTimeout = 120_000;
server.on('connection', () => (counts.connectionCount += 1));

answer({
  async listen() {
    await listen();
    return port;
  },
  async leave() {
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  },
  comeBack: listen,
  /** `quietMs`: since the last event. */
  counts: () => ({ ...counts, distinctCount: ids.size, quietMs: performance.now() - lastEventMs }),
  reset() {
    counts = emptyCounts();
    ids.clear();
    lastEventMs = performance.now();
  },
});

async function listen() {
  // Some contenders open thousands of connections at once; none shall be lost to a short queue of ours.
  const options = { port, host: '127.0.0.1', backlog: 65_535 };
  await new Promise((resolve) => server.listen(options, () => resolve(undefined)));
  ({ port } = server.address());
}

/** @param {Buffer} body */
function count(body) {
  counts.requestCount += 1;
  counts.receivedBytes += body.length;
  for (const [, id] of body.toString('latin1').matchAll(ID)) {
    counts.eventCount += 1;
    ids.add(id);
  }
  lastEventMs = performance.now();
}

function emptyCounts() {
  return { connectionCount: 0, requestCount: 0, eventCount: 0, receivedBytes: 0 };
}
