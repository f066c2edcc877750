import { EVENT_TYPES, type EventType } from '@millrace/spec';

/** What a request is about: a batch, or one event of the type that its path names. */
export type Route = EventType | 'batch';

export const ROUTES: readonly Route[] = ['batch', ...EVENT_TYPES];
