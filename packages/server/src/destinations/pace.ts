/** What every destination takes beside its own settings: how its events are sent. */
export interface PaceOptions {
  /**
   * `'user'`: an event waits while an earlier one with the same `userId`, `anonymousId` or `previousId` of its source is unsettled.
   * `'none'`: events wait for nothing. Default `'user'`.
   */
  order?: 'user' | 'none' | undefined;
  /** How what failed is tried again. */
  retry?: RetryOptions | undefined;
  /**
   * At most so many events a second (0.01 to 100,000), over any time; one second's worth and a batch may come at once. Default: as many
   * as the destination takes.
   */
  rateLimit?: { eventsPerSecond: number } | undefined;
}

/** The waits are random, up to a bound that doubles with each attempt (full jitter). In milliseconds. */
export interface RetryOptions {
  /** The bound after the first attempt. Default 1,000; 1 to 3,600,000. */
  firstDelayMs?: number | undefined;
  /** The largest bound; a Retry-After may ask for more. Default 900,000 (15 minutes); 1 to 86,400,000. */
  maxDelayMs?: number | undefined;
  /** From the beginning of the first attempt until an event becomes a dead letter. Default 14,400,000 (4 hours); 0 to 2,592,000,000. */
  giveUpAfterMs?: number | undefined;
}
