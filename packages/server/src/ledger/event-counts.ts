/** What events came to, counted by time: how it is asked for and told. */

/** `failed`: an attempt after which the event is tried again, so one event can be counted several times. */
export type CountedStep = 'delivered' | 'filtered' | 'dead' | 'failed';

export interface CountQuery {
  /** Default: all. */
  destinationId?: string;
  /** Milliseconds since the epoch. A minute or hour that the period touches counts as a whole. */
  fromMs: number;
  toMs: number;
  /** Each minute, or hour, by itself; else one sum. Default false. */
  byTime?: boolean;
}

export interface EventCountQuery extends CountQuery {
  /** Each event name by itself. Default false. */
  byEventName?: boolean;
}

/** A minute, or the hour that minutes become once they are old. Absent where time was not asked for. */
export interface CountedTime {
  atMs?: number;
  widthMs?: number;
}

export interface EventCount extends CountedTime {
  destinationId: string;
  step: CountedStep;
  /** Empty for delivered. */
  code: string;
  /** Where names were asked for: empty for events without one, {@link OTHER_NAMES} for those beyond the bound. */
  eventName?: string;
  count: number;
}

export interface EventCounts {
  /** By time and destination, then the largest first. */
  rows: EventCount[];
  /** There were more than {@link COUNT_ROW_MAX}: the last are left out. */
  isCut: boolean;
}

/** How long requests took. Durations are counted in steps of 19 %, and told as the upper end of theirs. */
export interface RequestTimes extends CountedTime {
  destinationId: string;
  requestCount: number;
  p50Ms: number;
  p95Ms: number;
}

export const COUNT_ROW_MAX = 10_000;
/** Stands for the names beyond the bound. No event's own: control characters of those are replaced. */
export const OTHER_NAMES = '\u0001';
