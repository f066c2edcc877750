import type { FeedEvent, ReceivedMessage, RefusedMessage, Status } from './wire.ts';

export type Connection = { kind: 'connecting' } | { kind: 'open' } | { kind: 'lost' };

/** All that arrived within one {@link BATCH_MS}. */
export interface StreamBatch {
  events: FeedEvent[];
  skippedCount: number;
  /** The newest, if one came. */
  status?: Status;
}

/** The part of EventSource that is used. */
export interface EventStream {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
}

export interface WatchOptions {
  open: (url: string) => EventStream;
  onBatch: (batch: StreamBatch) => void;
  onConnection: (connection: Connection) => void;
}

const BATCH_MS = 200;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 5_000;

/**
 * Watches the server's stream until told to stop. EventSource gives up for good after an answer that
 * is not 200, such as a proxy's 502 while the server restarts; so each reconnect is made here, with
 * the place that was reached, and there is one way back instead of two.
 */
export function watchStream({ open, onBatch, onConnection }: WatchOptions): () => void {
  let stream: EventStream | undefined;
  let place = '';
  let retryMs = RETRY_FIRST_MS;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let batchTimer: ReturnType<typeof setTimeout> | undefined;
  let batch: StreamBatch = { events: [], skippedCount: 0 };

  const deliver = (): void => {
    batchTimer = undefined;
    const full = batch;
    batch = { events: [], skippedCount: 0 };
    onBatch(full);
  };

  const arrived = (event: MessageEvent<string>): void => {
    place = event.lastEventId;
    batchTimer ??= setTimeout(deliver, BATCH_MS);
  };

  const connect = (): void => {
    retryTimer = undefined;
    const current = open(`api/stream${place === '' ? '' : `?after=${encodeURIComponent(place)}`}`);
    stream = current;
    current.addEventListener('open', () => {
      retryMs = RETRY_FIRST_MS;
      onConnection({ kind: 'open' });
    });
    current.addEventListener('error', () => {
      current.close();
      if (current !== stream) return;
      stream = undefined;
      onConnection({ kind: 'lost' });
      retryTimer = setTimeout(connect, retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    });
    for (const type of ['received', 'refused']) {
      current.addEventListener(type, (event) => {
        const message = JSON.parse(event.data) as ReceivedMessage | RefusedMessage;
        batch.events.push(...message.events);
        batch.skippedCount += message.skippedCount;
        arrived(event);
      });
    }
    current.addEventListener('status', (event) => {
      batch.status = JSON.parse(event.data) as Status;
      arrived(event);
    });
  };

  connect();
  return () => {
    stream?.close();
    stream = undefined;
    clearTimeout(retryTimer);
    clearTimeout(batchTimer);
  };
}
