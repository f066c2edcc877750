import { EVENT_TYPES, type EventType } from '@millrace/spec';

/** What a request is about: a batch, or one event of the type that its path names. */
export type Route = EventType | 'batch';

/** What the path ends in, after `/v1/` or alone: SDKs that are given a host with a path of its own leave `/v1` out. */
export const PATHS: Readonly<Record<string, Route>> = {
  batch: 'batch',
  import: 'batch',
  ...(Object.fromEntries(EVENT_TYPES.map((type) => [type, type])) as Record<EventType, EventType>),
  // The browser SDK's.
  b: 'batch',
  t: 'track',
  i: 'identify',
  p: 'page',
  s: 'screen',
  g: 'group',
  a: 'alias',
};
