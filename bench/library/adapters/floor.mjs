import http from 'node:http';
import { enrich, messageId } from '../../event.mjs';

/**
 * The least that any library must do: JSON.stringify, join, one POST at a time over one connection that
 * stays open. No check, no copy, no bound, no retry.
 */

/** Segment's limit of 500 KB a request, with room for the envelope. */
const BATCH_MAX_BYTES = 490_000;

let lastId = 0;

/** Enriched beforehand, but for the id. */
export function prepare(message) {
  return enrich(message, messageId(0));
}

/** @param {string} host */
export function create(host) {
  const url = new URL('/v1/batch', host);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  /** @type {string[][]} */
  let batches = [];
  let lastBytes = BATCH_MAX_BYTES;
  /** @type {Promise<void> | undefined} */
  let sending;

  const sendAll = async () => {
    // All that one tick brings goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (batches.length > 0) {
      const waiting = batches;
      batches = [];
      lastBytes = BATCH_MAX_BYTES;
      for (const parts of waiting) await post(url, agent, `{"batch":[${parts.join(',')}]}`);
    }
    sending = undefined;
  };

  return {
    track(message) {
      message.messageId = messageId(++lastId);
      const json = JSON.stringify(message);
      if (lastBytes + json.length > BATCH_MAX_BYTES) {
        batches.push([]);
        lastBytes = 0;
      }
      batches.at(-1).push(json);
      lastBytes += json.length + 1;
      sending ??= sendAll();
    },
    async drain() {
      await sending;
    },
  };
}

/**
 * @param {URL} url
 * @param {http.Agent} agent
 * @param {string} body
 * @returns {Promise<void>}
 */
function post(url, agent, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers });
    request.on('error', reject);
    request.on('response', (response) => response.on('end', resolve).resume());
    request.end(body);
  });
}
