import Analytics from '@rudderstack/rudder-sdk-node';

export function prepare(message) {
  return message;
}

/** @param {string} host */
export function create(host) {
  // Without a handler a failed background flush ends the process; here it is to show as a loss.
  const client = new Analytics('bench-key', { dataPlaneUrl: host, gzip: false, errorHandler: () => {} });
  return {
    track: (message) => client.track(message),
    // `flush` sends one batch; what is dropped at its bound of 20,000 never calls back, so callbacks would not tell.
    async drain() {
      while (client.queue.length > 0) await client.flush();
      await client.pendingFlush;
    },
  };
}
