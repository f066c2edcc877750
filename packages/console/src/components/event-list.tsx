import { useCallback, useRef, useState, type KeyboardEvent } from 'react';
import type { FeedItem } from '../feed-item.ts';
import { formatCount } from '../format.ts';
import type { Status } from '../wire.ts';
import { EventRow } from './event-row.tsx';

/** Rows put into the page at once; more come on demand. */
const PAGE_COUNT = 300;

interface EventListProps {
  items: readonly FeedItem[];
  sources: Status['sources'] | undefined;
  selected: FeedItem | undefined;
  onSelect: (item: FeedItem) => void;
}

/** One stop for Tab; the arrow keys, Home and End move within. */
export function EventList({ items, sources, selected, onSelect }: EventListProps) {
  const [limit, setLimit] = useState(PAGE_COUNT);
  const list = useRef<HTMLUListElement>(null);
  const visible = items.slice(0, limit);
  const stopKey = visible.some(({ key }) => key === selected?.key) ? selected?.key : visible[0]?.key;

  const move = useCallback((press: KeyboardEvent) => {
    const rows = [...(list.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    if (at === -1) return;
    const target = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[press.key];
    const row = target === undefined ? undefined : rows[target];
    if (!row) return;
    press.preventDefault();
    row.focus();
    row.click();
  }, []);

  return (
    <div className="list-scroll">
      <ul className="list" ref={list} onKeyDown={move}>
        {visible.map((item) => (
          <EventRow
            key={item.key}
            item={item}
            sourceName={
              sources?.find(({ id }) => id === item.event.sourceId)?.name ?? item.event.sourceId ?? ''
            }
            selected={item.key === selected?.key}
            tabStop={item.key === stopKey}
            onSelect={onSelect}
          />
        ))}
      </ul>
      {items.length > limit && (
        <button type="button" className="button more" onClick={() => setLimit((old) => old + PAGE_COUNT)}>
          Show more of {formatCount(items.length - limit)} older
        </button>
      )}
    </div>
  );
}
