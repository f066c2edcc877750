import { createRequire } from 'node:module';

/** The build that users get, as `require` gives it to them. */
const Analytics = createRequire(import.meta.url)('../../../packages/node/dist/index.cjs');

export function prepare(message) {
  return message;
}

/** @param {string} host */
export function create(host) {
  const client = new Analytics('bench-key', { host, errorHandler: () => {} });
  return {
    track: (message) => client.track(message),
    drain: () => client.flush(),
  };
}
