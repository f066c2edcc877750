import { useEffect, useReducer, useState, type Dispatch } from 'react';
import { emptyFeed, transition, type FeedAction, type FeedState } from './feed.ts';
import { watchStream, type Connection } from './watch-stream.ts';
import type { Status } from './wire.ts';

export interface Console {
  feed: FeedState;
  dispatch: Dispatch<FeedAction>;
  connection: Connection;
  /** Undefined until the server has told it. */
  status: Status | undefined;
}

/** What the server streams, as state. */
export function useConsole(): Console {
  const [feed, dispatch] = useReducer(transition, emptyFeed);
  const [connection, setConnection] = useState<Connection>({ kind: 'connecting' });
  const [status, setStatus] = useState<Status>();

  useEffect(() => {
    // Each watch starts with the newest events again; development mode mounts twice.
    dispatch({ type: 'cleared' });
    return watchStream({
      open: (url) => new EventSource(url),
      onConnection: setConnection,
      onBatch: (batch) => {
        if (batch.status) setStatus(batch.status);
        if (batch.events.length > 0 || batch.skippedCount > 0) dispatch({ type: 'arrived', ...batch });
      },
    });
  }, []);

  return { feed, dispatch, connection, status };
}
