import { memo } from 'react';
import { formatCompact, formatCount, formatTime } from '../format.ts';
import type { DestinationView } from '../wire.ts';

const STATE_WORDS: Record<DestinationView['state'], string> = {
  starting: 'Starting',
  running: 'Running',
  failing: 'Failing',
  unauthorized: 'Unauthorized',
  waiting: 'Waiting',
  stopped: 'Stopped',
  disabled: 'Disabled',
};

interface DestinationTileProps {
  destination: DestinationView;
  figuresKnown: boolean;
}

export const DestinationTile = memo(function DestinationTile(props: DestinationTileProps) {
  const { destination, figuresKnown } = props;
  const { id, kind, state, reason, lastFailure } = destination;
  return (
    <article className="tile" data-state={state} aria-labelledby={`destination-${id}`}>
      <header>
        <h3 id={`destination-${id}`}>{id}</h3>
        <span className="muted">{kind}</span>
        <span className="state">
          <span className="dot" aria-hidden="true" />
          {STATE_WORDS[state]}
        </span>
      </header>
      {reason !== undefined && <p className="reason">{reason}</p>}
      <dl className="tile-figures">
        <TileFigure name="Delivered" count={figuresKnown ? destination.deliveredCount : undefined} />
        <TileFigure name="Pending" count={figuresKnown ? destination.pendingCount : undefined} tone="warn" />
        <TileFigure name="Filtered" count={figuresKnown ? sum(destination.filtered) : undefined} />
        <TileFigure name="Dead" count={figuresKnown ? sum(destination.dead) : undefined} tone="bad" />
      </dl>
      <Codes name="Filtered" counts={destination.filtered} />
      <Codes name="Dead" counts={destination.dead} />
      {destination.nextProbeMs !== undefined && (
        <p className="note">
          Asked again with one event at {formatTime(destination.nextProbeMs).slice(0, 8)}
        </p>
      )}
      {destination.reorderedCount > 0 && (
        <p className="note">{formatCount(destination.reorderedCount)} delivered out of order</p>
      )}
      {state !== 'disabled' && <p className="note">{lagWords(destination)}</p>}
      {lastFailure && (
        <p className="note">
          Last failure <code>{lastFailure.code}</code> at {formatTime(lastFailure.atMs).slice(0, 8)}
        </p>
      )}
    </article>
  );
});

function TileFigure(props: { name: string; count: number | undefined; tone?: 'warn' | 'bad' }) {
  const { name, count, tone } = props;
  return (
    <div data-tone={count ? tone : undefined}>
      <dt>{name}</dt>
      <dd title={count === undefined ? undefined : formatCount(count)}>
        {count === undefined ? '–' : formatCompact(count)}
      </dd>
    </div>
  );
}

function Codes({ name, counts }: { name: string; counts: Record<string, number> }) {
  const entries = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
  if (entries.length === 0) return null;
  return (
    <ul className="codes" aria-label={`${name} by code`}>
      {entries.map(([code, count]) => (
        <li key={code}>
          <code>{code}</code>
          <span>{formatCount(count)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Said at all times, so that the tiles do not jump. */
function lagWords({ lagCount, pendingCount }: DestinationView): string {
  if (lagCount === 0 && pendingCount > 0) return 'All read, some still to be sent';
  if (lagCount === 0) return 'Up to date with the log';
  return `${formatCount(lagCount)} ${lagCount === 1 ? 'event' : 'events'} behind the log`;
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
