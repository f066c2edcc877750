import { useDeferredValue, useMemo, useState, type Dispatch } from 'react';
import type { FeedItem } from '../feed-item.ts';
import type { FeedAction, FeedState } from '../feed.ts';
import { filterItems, type Kind } from '../filter.ts';
import type { Status } from '../wire.ts';
import { EventList } from './event-list.tsx';
import { EventsToolbar } from './events-toolbar.tsx';
import { GettingStarted } from './getting-started.tsx';

interface EventsProps {
  feed: FeedState;
  dispatch: Dispatch<FeedAction>;
  status: Status | undefined;
  selected: FeedItem | undefined;
  onSelect: (item: FeedItem) => void;
}

export function Events({ feed, dispatch, status, selected, onSelect }: EventsProps) {
  const [kind, setKind] = useState<Kind>('all');
  const [query, setQuery] = useState('');
  const deferredQuery = useDeferredValue(query);
  const shown = useMemo(
    () => filterItems(feed.items, kind, deferredQuery),
    [feed.items, kind, deferredQuery],
  );
  return (
    <section className="events" aria-label="Events">
      <EventsToolbar
        feed={feed}
        dispatch={dispatch}
        kind={kind}
        onKind={setKind}
        query={query}
        onQuery={setQuery}
        shownCount={shown.length}
      />
      {shown.length > 0 && (
        <EventList items={shown} sources={status?.sources} selected={selected} onSelect={onSelect} />
      )}
      {shown.length === 0 && feed.items.length > 0 && (
        <p className="nothing">None of the {feed.items.length} events loaded here matches.</p>
      )}
      {feed.items.length === 0 && status && <GettingStarted status={status} />}
    </section>
  );
}
