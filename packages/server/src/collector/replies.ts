import { REFUSAL_CODES, type RefusalCode } from '@millrace/spec';
import { SourceWriteError } from './sources.ts';

interface Answer {
  status: number;
  /** How long a sender should wait before it sends the same again. */
  retryAfterSeconds?: number;
}

const REFUSED: Answer = { status: 400 };
const UNKNOWN: Answer = { status: 401 };

/**
 * How a request refused with a code is answered. The status decides about data: Segment's SDKs
 * send a batch again on 408, 410, 429, 460 and 5xx (except 501, 505, 511) and drop it on every
 * other 4xx. So whatever another attempt may cure is a 5xx here, and only what no attempt can is a 4xx.
 */
export const ANSWERS: Readonly<Record<RefusalCode, Answer>> = {
  no_user_anon_id: REFUSED,
  id_not_string: REFUSED,
  event_not_defined: REFUSED,
  event_not_string: REFUSED,
  properties_not_object: REFUSED,
  traits_not_object: REFUSED,
  name_not_string: REFUSED,
  invalid_type: REFUSED,
  missing_type: REFUSED,
  invalid_event: REFUSED,
  invalid_message_id: REFUSED,
  invalid_timestamp: REFUSED,
  message_too_large: REFUSED,
  duplicate: { status: 200 },
  empty_batch: REFUSED,
  invalid_batch: REFUSED,
  batch_too_large: REFUSED,
  too_many_events: REFUSED,
  invalid_json: REFUSED,
  unsupported_content_type: REFUSED,
  invalid_encoding: REFUSED,
  missing_write_key: UNKNOWN,
  project_not_found: UNKNOWN,
  not_found: { status: 404 },
  invalid_request: REFUSED,
  log_unavailable: { status: 503, retryAfterSeconds: 5 },
  disk_full: { status: 503, retryAfterSeconds: 30 },
  shutting_down: { status: 503, retryAfterSeconds: 5 },
  internal_error: { status: 500, retryAfterSeconds: 5 },
};

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Says what the code means and nothing of the request or of the error behind it. */
export function refusalBody(code: RefusalCode): string {
  return JSON.stringify({ success: false, code, message: REFUSAL_CODES[code] });
}

/** What became of a batch's refused items, for senders that ask; in the order of the batch. */
export interface Verdict {
  index: number;
  code: RefusalCode;
}

export function successBody(verdicts?: readonly Verdict[]): string {
  return verdicts ? JSON.stringify({ success: true, verdicts }) : '{"success":true}';
}

/** The code for an error thrown while a request was handled, by fastify or by us. */
export function codeOfError(error: unknown): RefusalCode {
  if (error instanceof SourceWriteError) return error.code;
  const { code, statusCode } = Object(error) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'batch_too_large';
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'unsupported_content_type';
  const isClientError = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isClientError ? 'invalid_request' : 'internal_error';
}
