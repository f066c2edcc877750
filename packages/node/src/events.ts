import type { EventType } from '@millrace/spec';
import type { AnalyticsError } from './errors.ts';
import type { FlushData } from './outgoing.ts';
import type { Context, PluginEvent } from './plugins/context.ts';

/** What listeners are given, by event: what @segment/analytics-node emits, and `flush`. */
export type ClientEvents = {
  /** A batch failed for good, or events were dropped: once for each batch, or each tick. */
  error: [error: AnalyticsError];
  /** A flush that was asked for has ended, with its first error if it has one. Not one of nothing. */
  flush: [data: FlushData | undefined, error: AnalyticsError | undefined];
  /** Before each attempt. It holds the write key, and whatever the events hold. */
  http_request: [request: HttpRequest];
  /** After each attempt that was answered. */
  http_response: [response: HttpResponse];
  /** A call was refused because the client is closed; the event as it would have been sent. */
  call_after_close: [event: PluginEvent];
  /** Nothing is left: each event that was accepted has met its end. */
  drained: [];
  /** Plugins were registered, and are loaded. */
  register: [pluginNames: string[]];
  /** Plugins were taken out, and are unloaded. */
  deregister: [pluginNames: string[]];
} & {
  /** An event of that type was delivered; after its callback. */
  [Type in EventType]: [ctx: Context];
};

export interface HttpRequest {
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export interface HttpResponse {
  status: number;
  statusText: string;
  url: string;
  /** Of the request. */
  body: string;
  /** Of the answer, only `retry-after`. */
  headers: Readonly<Record<string, string>>;
}
