import { PostHog } from 'posthog-node';

/** Its own wire format; what Segment calls context travels among the properties. */
export function prepare({ userId, event, properties, context }) {
  return { distinctId: userId, event, properties: { ...properties, context } };
}

/** @param {string} host */
export function create(host) {
  const client = new PostHog('bench-key', { host, disableCompression: true });
  client.on('error', () => {});
  return {
    track: (message) => client.capture(message),
    drain: () => client.flush(),
  };
}
