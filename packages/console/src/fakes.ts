import type { ReceivedEvent, RefusedEvent, Status } from './wire.ts';

/** Events as the server sends them; for tests. */
export function received(receivedAtMs: number, event: object = { type: 'track' }): ReceivedEvent {
  return {
    kind: 'received',
    sourceId: 'web',
    partition: 0,
    position: receivedAtMs,
    receivedAtMs,
    timestampSkewed: false,
    json: JSON.stringify(event),
  };
}

export function refused(receivedAtMs: number, given: Partial<RefusedEvent> = {}): RefusedEvent {
  return {
    kind: 'refused',
    code: 'invalid_json',
    reason: 'the request body is not valid JSON',
    receivedAtMs,
    sizeBytes: 10,
    ...given,
  };
}

export const status: Status = {
  startedAtMs: 1,
  trackingUrl: 'http://127.0.0.1:3700',
  acceptsAnyWriteKey: true,
  counts: { receivedCount: 0, duplicateCount: 0, refusedCount: 0, refused: {} },
  sources: [],
  destinations: [],
  router: { state: 'running' },
  log: { bytes: 0, starts: { 0: 0 } },
  ledgerReadable: true,
};
