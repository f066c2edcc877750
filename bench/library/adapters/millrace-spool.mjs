import { createRequire } from 'node:module';

const Analytics = createRequire(import.meta.url)('../../../packages/node/dist/index.cjs');

export function prepare(message) {
  return message;
}

/**
 * With the disk buffer, and the disk synced for each batch.
 * @param {string} host
 * @param {string} dir
 */
export function create(host, dir) {
  const client = new Analytics('bench-key', { host, errorHandler: () => {}, spool: { dir, fsync: 'batch' } });
  return {
    track: (message) => client.track(message),
    drain: () => client.flush(),
  };
}
