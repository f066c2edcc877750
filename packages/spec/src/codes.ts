/**
 * The closed list of codes: every refusal, drop and failed delivery carries one of these. A test
 * holds docs/codes.md to it. Names that Segment's delivery overview uses are kept verbatim.
 */

/** Why the collector refused a request or an event. */
export const REFUSAL_CODES = {
  no_user_anon_id: 'the event has neither a userId nor an anonymousId',
  id_not_string: 'userId and anonymousId must be strings',
  event_not_defined: 'a track event needs an event name',
  event_not_string: 'the event name must be a string',
  properties_not_object: 'properties must be an object',
  traits_not_object: 'traits must be an object',
  name_not_string: 'name must be a string',
  invalid_type: 'type must be track, identify, page, screen, group or alias',
  missing_type: 'the event has no type',
  invalid_event: 'an event must be a JSON object',
  invalid_message_id: 'messageId must be a string of 1 to 100 characters',
  invalid_timestamp: 'timestamp and sentAt must be ISO 8601 dates',
  message_too_large: 'the event is larger than the limit for one event',
  duplicate: 'an event with this messageId was already received',
  empty_batch: 'the batch holds no event',
  invalid_batch: 'batch must be an array of events',
  batch_too_large: 'the request body is larger than the limit',
  too_many_events: 'the batch holds more events than the limit',
  invalid_json: 'the request body is not valid JSON',
  unsupported_content_type: 'the content type is not one that JSON is sent as',
  invalid_encoding: 'the content encoding is not supported, or the body is not encoded so',
  missing_write_key: 'the request carries no write key',
  project_not_found: 'no source has this write key',
  not_found: 'there is no such route',
  invalid_request: 'the request is malformed',
  log_unavailable: 'the event log cannot be written',
  disk_full: 'the disk is full',
  shutting_down: 'the server is shutting down',
  internal_error: 'the server failed; the event was not kept',
} as const;

/** Why a destination was not given an event, on purpose. */
export const FILTER_CODES = {
  FILTERED_BY_INTEGRATIONS_OBJECT: 'the integrations object of the event excludes this destination',
  MESSAGE_SENT_CLIENT_SIDE: 'the browser already sent the event to this destination',
  UNSUPPORTED_EVENT_TYPE: 'the destination does not take events of this type',
  TOO_OLD_FOR_DESTINATION: 'the event happened longer ago than the destination takes',
  FILTERED_BY_SAMPLING: 'the user is not among those whose events the destination gets',
  FILTERED_BY_RULES: 'a filter of the destination excludes the event',
  FILTERED_BY_TRANSFORM: 'the transform of the destination returned no event',
} as const;

/** Why a delivery failed, besides `HTTP_<status>` (see {@link httpStatusCode}). */
export const FAILURE_CODES = {
  NETWORK_ERROR: 'the destination could not be reached or broke the connection',
  TIMEOUT: 'the destination did not answer in time',
  DELIVERY_TIMEOUT: 'the code of the destination took too long and was aborted',
  WRITE_FAILED: 'the file could not be written',
  DESTINATION_FAILED: 'the code of the destination threw an error',
  FILTER_FAILED: 'a function of a filter threw an error, or returned neither true nor false',
  TRANSFORM_FAILED: 'the transform threw an error, took too long or returned what is no event',
  RETRIES_EXHAUSTED: 'it failed until the time for retries was over',
  EXPIRED_BEFORE_DELIVERY: 'the log had to give it up before it was delivered',
} as const;

/** Why the library gave up an event. */
export const LIBRARY_CODES = {
  QUEUE_FULL: 'the in-memory queue is at its bound; the event was dropped',
  FLUSH_TIMEOUT: 'flush did not finish within its time-out; the rest stays queued',
  OAUTH_NO_TOKEN: 'the authorization server answered without a token that can be used',
  CLIENT_CLOSED: 'the client was closed before the call; the event was dropped',
  SPOOL_FULL: 'the spool is at its bound; the event was dropped',
  SPOOL_KEPT: 'the event could not be delivered yet; it stays in the spool and is sent later',
  SPOOL_UNAVAILABLE: 'the disk under the spool fails; events are in memory only until it works again',
  SPOOL_DAMAGED: 'a file of the spool is damaged; the events there are lost',
  SPOOL_PATH_TOO_LONG: 'the folder of the spool makes socket paths that are too long for the system',
  CANCELLED_BY_PLUGIN: 'a plugin cancelled the event; it was dropped',
  PLUGIN_FAILED: 'the code of a plugin threw an error or took too long; the event went on without its change',
} as const;

/** Why the console did not answer a request. */
export const CONSOLE_CODES = {
  forbidden_host: 'the console does not answer to this host name',
  forbidden_origin: 'the console does not answer to pages of another origin',
  unauthorized_console: 'the console needs its token as Authorization: Bearer',
  too_many_streams: 'too many pages are watching; close one',
  unknown_message: 'no event with this messageId is known',
  too_many_traces: 'too many events are being looked for; try again',
  too_many_searches: 'too many searches are running; try again',
  unknown_dead_letter: 'there is no dead letter with this id',
  router_unavailable: 'the router is not running or does not answer; try again',
  console_failed: 'the console failed; see the log of the server',
} as const;

export type RefusalCode = keyof typeof REFUSAL_CODES;
export type FilterCode = keyof typeof FILTER_CODES;
export type FailureCode = keyof typeof FAILURE_CODES | `HTTP_${number}`;
export type LibraryCode = keyof typeof LIBRARY_CODES;
export type ConsoleCode = keyof typeof CONSOLE_CODES;

export function httpStatusCode(status: number): FailureCode {
  return `HTTP_${status}`;
}
