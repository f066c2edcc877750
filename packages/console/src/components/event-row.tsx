import { memo } from 'react';
import type { FeedItem } from '../feed-item.ts';
import { formatTime } from '../format.ts';
import { CodeChip } from './code-chip.tsx';

interface EventRowProps {
  item: FeedItem;
  sourceName: string;
  selected: boolean;
  tabStop: boolean;
  onSelect: (item: FeedItem) => void;
}

export const EventRow = memo(function EventRow(props: EventRowProps) {
  const { item, sourceName, selected, tabStop, onSelect } = props;
  const { event, type, title, who } = item;
  return (
    <li>
      <button
        type="button"
        className="row"
        data-row
        data-kind={event.kind}
        aria-current={selected}
        tabIndex={tabStop ? 0 : -1}
        onClick={() => onSelect(item)}
      >
        <time className="row-time" dateTime={new Date(event.receivedAtMs).toISOString()}>
          {formatTime(event.receivedAtMs)}
        </time>
        <span className="row-type" data-type={type}>
          {type || '—'}
        </span>
        <span className="row-title">
          {event.kind === 'refused' && <CodeChip code={event.code} />}
          <span className="row-name">{title}</span>
        </span>
        <span className="row-who">{who}</span>
        <span className="row-source">{sourceName}</span>
      </button>
    </li>
  );
});
