export {
  CONSOLE_CODES,
  FAILURE_CODES,
  FILTER_CODES,
  LIBRARY_CODES,
  REFUSAL_CODES,
  httpStatusCode,
  type ConsoleCode,
  type FailureCode,
  type FilterCode,
  type LibraryCode,
  type RefusalCode,
} from './codes.ts';
export {
  EVENT_TYPES,
  isEventType,
  isJsonObject,
  type EventType,
  type JsonObject,
  type SegmentEvent,
} from './event.ts';
export { integrationVerdict, type IntegrationTarget, type IntegrationVerdict } from './integrations.ts';
export { BATCH_MAX_BYTES, BATCH_MAX_COUNT, EVENT_MAX_BYTES, MESSAGE_ID_MAX_CHARS } from './limits.ts';
export { MESSAGE_TOO_LARGE, NOT_AN_OBJECT, faultOfCall, faultOfEvent } from './validation.ts';
