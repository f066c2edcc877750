import type { EventType } from '@millrace/spec';
import { Analytics } from '../index.ts';
import { differences } from './differences.ts';
import { explainMissing, explainPresent, type Wanted } from './near-misses.ts';
import type { RecordedEvent } from './recorded-event.ts';

/** A client for tests, and what it would have sent, to be asked for in the tick of the call. */
export interface Recorder {
  /**
   * For the code under test: it validates, enriches and runs plugins as ever, but answers its requests
   * itself, with 200. So callbacks are called without an error, and flushes resolve.
   */
  readonly analytics: Analytics;

  /** What was recorded since the start or `clear`, in the order of the calls. The array is a copy. */
  events(this: void): RecordedEvent[];

  /** Those of `events` that have this type. */
  ofType(this: void, type: EventType): RecordedEvent[];

  /** Forgets what was recorded, as between two tests. */
  clear(this: void): void;

  /**
   * The first event of this type that has all of these fields, and of the objects in them all of these
   * keys; others may be there besides. Arrays are compared whole. A Date stands for its text, `undefined`
   * for an absent key, and matchers such as `expect.any(Number)` work anywhere within.
   * @throws Error with the closest events and how they differ, when there is none.
   */
  expectEvent(this: void, type: EventType, fields?: object): RecordedEvent;

  /**
   * The first `track` of this event that has all of these properties; compared as by `expectEvent`.
   * @throws Error with the closest events and how they differ, when there is none.
   */
  expectTracked(this: void, event: string, properties?: object): RecordedEvent;

  /** @throws Error with the event, when there is one that `expectTracked` would find. */
  expectNotTracked(this: void, event: string, properties?: object): void;
}

/** A recorder of its own for each test, or one that is cleared between them. Its functions need no `this`. */
export function createRecorder(): Recorder {
  let recorded: RecordedEvent[] = [];
  const analytics = recordingClient((events) => recorded.push(...events));

  const indexOf = (wanted: Wanted): number =>
    recorded.findIndex((event) => differences(wanted, event).length === 0);

  const find = (wanted: Wanted, calledByTest: Expectation): RecordedEvent => {
    const found = recorded[indexOf(wanted)];
    if (!found) throw failure(explainMissing(wanted, recorded), calledByTest);
    return found;
  };

  function expectEvent(type: EventType, fields: object = {}): RecordedEvent {
    return find({ ...fields, type }, expectEvent);
  }

  function expectTracked(event: string, properties?: object): RecordedEvent {
    return find(trackOf(event, properties), expectTracked);
  }

  function expectNotTracked(event: string, properties?: object): void {
    const wanted = trackOf(event, properties);
    const index = indexOf(wanted);
    if (index !== -1) throw failure(explainPresent(wanted, index, recorded), expectNotTracked);
  }

  return {
    analytics,
    events: () => [...recorded],
    ofType: (type) => recorded.filter((event) => event.type === type),
    clear: () => {
      recorded = [];
    },
    expectEvent,
    expectTracked,
    expectNotTracked,
  };
}

function recordingClient(record: (events: readonly RecordedEvent[]) => void): Analytics {
  return new Analytics('recorder', {
    // A request for each event, in the tick in which it is queued.
    flushAt: 1,
    maxConcurrentRequests: Number.MAX_SAFE_INTEGER,
    // Fake timers may run the time-out of a request before its answer; that must not record it twice.
    retryCount: 0,
    exitDrainMs: 0,
    httpClient: {
      makeRequest: ({ body }) => {
        record((JSON.parse(body) as { batch: RecordedEvent[] }).batch);
        return Promise.resolve({ status: 200, statusText: 'OK' });
      },
    },
  });
}

function trackOf(event: string, properties: object | undefined): Wanted {
  return { type: 'track', event, ...(properties && { properties }) };
}

type Expectation = (...args: never[]) => unknown;

/** Its stack starts at the line of the test. */
function failure(message: string, calledByTest: Expectation): Error {
  const error = new Error(message);
  Error.captureStackTrace(error, calledByTest);
  return error;
}
