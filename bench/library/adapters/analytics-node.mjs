import Analytics from 'analytics-node';

export function prepare(message) {
  return message;
}

/** @param {string} host */
export function create(host) {
  // Without a handler a failed background flush ends the process; here it is to show as a loss.
  const client = new Analytics('bench-key', { host, errorHandler: () => {} });
  let openCount = 0;
  /** @type {(() => void) | undefined} */
  let whenIdle;
  const settled = () => {
    openCount -= 1;
    if (openCount === 0) whenIdle?.();
  };
  return {
    track(message) {
      openCount += 1;
      client.track(message, settled);
    },
    // `flush` sends one batch and knows nothing of those in flight: only callbacks tell.
    async drain() {
      while (client.queue.length > 0) await client.flush();
      if (openCount === 0) return;
      await new Promise((resolve) => {
        whenIdle = () => resolve(undefined);
      });
    },
  };
}
