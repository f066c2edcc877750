import { BATCH_MAX_BYTES, BATCH_MAX_COUNT, EVENT_MAX_BYTES } from '@millrace/spec';

/** What a request may hold. Each default is Segment's documented limit. */
export interface CollectorLimits {
  /** One event as it came, as compact JSON in UTF-8, with what its batch shares. Default 32,768. */
  eventMaxBytes: number;
  /** The body of a request. Default 512,000. */
  batchMaxBytes: number;
  /** Events in a batch. Default 2,500. */
  batchMaxCount: number;
}

export const DEFAULT_LIMITS: CollectorLimits = {
  eventMaxBytes: EVENT_MAX_BYTES,
  batchMaxBytes: BATCH_MAX_BYTES,
  batchMaxCount: BATCH_MAX_COUNT,
};
