import { EVENT_TYPES, type EventType } from '@millrace/spec';

/** What a request is about: a batch, or one event of the type that its path names. */
export type Route = EventType | 'batch';

/** Where a request is taken, and by whom it is sent. */
export interface Path {
  route: Route;
  /** Straight from a browser: the address that it came from is the user's. */
  isBrowser: boolean;
}

/** What the path ends in, after `/v1/` or alone: SDKs that are given a host with a path of its own leave `/v1` out. */
export const PATHS: Readonly<Record<string, Path>> = {
  ...sentBy('server', {
    batch: 'batch',
    import: 'batch',
    ...(Object.fromEntries(EVENT_TYPES.map((type) => [type, type])) as Record<EventType, EventType>),
  }),
  ...sentBy('browser', {
    b: 'batch',
    t: 'track',
    i: 'identify',
    p: 'page',
    s: 'screen',
    g: 'group',
    a: 'alias',
  }),
};

function sentBy(sender: 'server' | 'browser', routes: Record<string, Route>): Record<string, Path> {
  const isBrowser = sender === 'browser';
  return Object.fromEntries(Object.entries(routes).map(([path, route]) => [path, { route, isBrowser }]));
}
