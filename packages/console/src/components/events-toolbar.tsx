import type { Dispatch } from 'react';
import type { FeedAction, FeedState } from '../feed.ts';
import type { Kind } from '../filter.ts';
import { formatCount } from '../format.ts';

const KINDS: readonly { kind: Kind; label: string }[] = [
  { kind: 'all', label: 'All' },
  { kind: 'received', label: 'Received' },
  { kind: 'refused', label: 'Refused' },
];

interface EventsToolbarProps {
  feed: FeedState;
  dispatch: Dispatch<FeedAction>;
  kind: Kind;
  onKind: (kind: Kind) => void;
  query: string;
  onQuery: (query: string) => void;
  shownCount: number;
}

export function EventsToolbar(props: EventsToolbarProps) {
  const { feed, dispatch, kind, onKind, query, onQuery, shownCount } = props;
  const { flow, items, skippedCount } = feed;
  return (
    <div className="toolbar" role="group" aria-label="Events">
      <input
        type="search"
        className="filter"
        placeholder="Filter by event, type, user, messageId"
        aria-label="Filter the events loaded here"
        value={query}
        onChange={(change) => onQuery(change.target.value)}
      />
      <div className="segmented" role="group" aria-label="Kind">
        {KINDS.map(({ kind: each, label }) => (
          <button key={each} type="button" aria-pressed={kind === each} onClick={() => onKind(each)}>
            {label}
          </button>
        ))}
      </div>
      <span className="spacer" />
      <button
        type="button"
        className="button"
        data-primary={flow.kind === 'paused'}
        onClick={() => dispatch({ type: flow.kind === 'paused' ? 'resumed' : 'paused' })}
      >
        {flow.kind === 'paused' ? `Resume · ${formatCount(flow.heldCount)} new` : 'Pause'}
      </button>
      <button
        type="button"
        className="button"
        disabled={items.length === 0}
        onClick={() => dispatch({ type: 'cleared' })}
      >
        Clear
      </button>
      {(items.length > 0 || skippedCount > 0) && (
        <p className="toolbar-note">
          {shownCount === items.length
            ? `${formatCount(items.length)} loaded`
            : `${formatCount(shownCount)} of ${formatCount(items.length)} loaded`}
          {skippedCount > 0 &&
            ` · a sample: ${formatCount(skippedCount)} more came faster than the list shows; the counts above are exact`}
        </p>
      )}
    </div>
  );
}
