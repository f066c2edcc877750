import type { Connection } from '../watch-stream.ts';
import type { Status } from '../wire.ts';

interface BannerProps {
  connection: Connection;
  status: Status | undefined;
}

/** What is wrong with the whole, worst first; one at a time. */
export function Banner({ connection, status }: BannerProps) {
  const problem = problemOf(connection, status);
  return (
    <div className="banner-place" role="alert">
      {problem && (
        <p className="banner" data-level={problem.level}>
          <strong>{problem.title}</strong> {problem.words}
        </p>
      )}
    </div>
  );
}

interface Problem {
  level: 'bad' | 'warn';
  title: string;
  words: string;
}

function problemOf(connection: Connection, status: Status | undefined): Problem | undefined {
  if (connection.kind === 'lost') {
    return {
      level: 'warn',
      title: 'The server cannot be reached.',
      words: 'Trying again by itself; what is shown is from before.',
    };
  }
  if (status?.log.refusing) {
    return {
      level: 'bad',
      title: 'The log is full: new events are answered 503.',
      words:
        status.log.refusing === 'maxBytes'
          ? 'Destinations still need all that log.maxBytes has room for; events are accepted again once they have had it.'
          : 'The disk has less free space than log.minFreeDiskBytes; events are accepted again once there is more.',
    };
  }
  if (status?.router.state === 'failed') {
    return {
      level: 'bad',
      title: 'Delivery is interrupted.',
      words: `Events are still received and kept; it starts again by itself. ${status.router.reason ?? ''}`,
    };
  }
  if (status?.configFault !== undefined) {
    return {
      level: 'warn',
      title: 'The config file was not taken: the one before it still runs.',
      words: status.configFault,
    };
  }
  if (status && !status.ledgerReadable) {
    return {
      level: 'warn',
      title: 'The ledger cannot be read.',
      words: 'The figures of the destinations are not known at the moment.',
    };
  }
  return undefined;
}
