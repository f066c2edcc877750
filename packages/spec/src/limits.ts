/**
 * Segment's documented limits, in bytes of UTF-8 JSON as it goes over the wire.
 * Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size
 */
export const EVENT_MAX_BYTES = 32_768;
export const BATCH_MAX_BYTES = 512_000;
export const BATCH_MAX_COUNT = 2_500;
export const MESSAGE_ID_MAX_CHARS = 100;
