import { Analytics } from '@segment/analytics-node';

export function prepare(message) {
  return message;
}

/** @param {string} host */
export function create(host) {
  const client = new Analytics({ writeKey: 'bench-key', host });
  client.on('error', () => {});
  return {
    track: (message) => client.track(message),
    drain: () => client.flush(),
  };
}
