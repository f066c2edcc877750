import { useCallback, useState } from 'react';
import { Banner } from './components/banner.tsx';
import { Destinations } from './components/destinations.tsx';
import { EventDetail } from './components/event-detail.tsx';
import { Events } from './components/events.tsx';
import { Sources } from './components/sources.tsx';
import { Summary } from './components/summary.tsx';
import { TopBar } from './components/top-bar.tsx';
import { ViewSwitch, type View } from './components/view-switch.tsx';
import type { FeedItem } from './feed-item.ts';
import { useConsole } from './use-console.ts';

export function App() {
  const { feed, dispatch, connection, status } = useConsole();
  // The item itself, so that its details stay when the list lets it go.
  const [selected, setSelected] = useState<FeedItem>();
  // Only narrow windows show one view at a time.
  const [view, setView] = useState<View>('events');

  const close = useCallback(() => {
    setSelected(undefined);
    document.querySelector<HTMLElement>('[data-row][tabindex="0"]')?.focus();
  }, []);

  return (
    <div className="app" data-view={view} data-detail={selected ? 'open' : 'closed'}>
      <TopBar connection={connection} trackingUrl={status?.trackingUrl} />
      <Banner connection={connection} status={status} />
      <Summary counts={status?.counts} />
      <ViewSwitch view={view} onSwitch={setView} destinationCount={status?.destinations.length} />
      <aside className="side" aria-label="Destinations and sources">
        <Destinations status={status} />
        <Sources sources={status?.sources ?? []} />
      </aside>
      <main className="main">
        <Events feed={feed} dispatch={dispatch} status={status} selected={selected} onSelect={setSelected} />
      </main>
      {selected && <EventDetail item={selected} sources={status?.sources ?? []} onClose={close} />}
    </div>
  );
}
