import type { AnalyticsError } from '../errors.ts';
import type { Verdict } from './verdicts.ts';

export interface OutgoingRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** JSON, or what it is encoded to as the headers say. */
  body: string | Uint8Array;
  /** From the call until the answer is complete. */
  timeoutMs: number;
}

export interface Answered {
  kind: 'answered';
  status: number;
  statusText: string;
  /** It is the answer of the authorization server, and says nothing of the events. */
  isOfAuthorization?: boolean;
  retryAfter: string | undefined;
  /** Where a redirect points. */
  location?: string | undefined;
  /** The time of the server, as its header says it. */
  date?: string | undefined;
  /** The body of a 2xx, unless it is longer than we read. */
  text?: string | undefined;
  /** Events of the batch that were refused although it was answered 200; absent when there are none. */
  verdicts?: readonly Verdict[] | undefined;
}

export type Reply =
  | Answered
  /** No answer: the connection could not be made, broke, or took too long. */
  | { kind: 'unanswered'; error: AnalyticsError }
  /** The request could not even be made, as with a malformed host. */
  | { kind: 'unsendable'; error: AnalyticsError };

export interface Transport {
  /** Posts in the same tick. Never rejects. */
  post(request: OutgoingRequest): Promise<Reply>;
  /** Closes idle connections. It can still be used afterwards. */
  close(): void;
}
