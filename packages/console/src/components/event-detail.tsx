import { useEffect, useRef, useState } from 'react';
import type { FeedItem } from '../feed-item.ts';
import type { Status } from '../wire.ts';
import { CodeChip } from './code-chip.tsx';
import { PrettyEvent } from './pretty-event.tsx';
import { RawEvent } from './raw-event.tsx';

interface EventDetailProps {
  item: FeedItem;
  sources: Status['sources'];
  onClose: () => void;
}

export function EventDetail({ item, sources, onClose }: EventDetailProps) {
  const [view, setView] = useState<'pretty' | 'raw'>('pretty');
  const { event, type, title } = item;

  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  }, [onClose]);
  useEffect(() => {
    const onKey = (press: KeyboardEvent): void => {
      if (press.key === 'Escape') close.current();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  return (
    <section className="detail" aria-label="Event details">
      <header className="detail-head">
        <div className="detail-title">
          <span className="row-type" data-type={type}>
            {type || '—'}
          </span>
          <h2>{title || (event.kind === 'refused' ? 'Refused' : type)}</h2>
          <button type="button" className="button small" onClick={onClose}>
            Close
          </button>
        </div>
        {event.kind === 'refused' && (
          <p className="detail-refused" data-tone={event.code === 'duplicate' ? 'warn' : 'bad'}>
            <CodeChip code={event.code} /> {event.reason}
          </p>
        )}
        <div className="segmented" role="group" aria-label="View of the event">
          <button type="button" aria-pressed={view === 'pretty'} onClick={() => setView('pretty')}>
            Pretty
          </button>
          <button type="button" aria-pressed={view === 'raw'} onClick={() => setView('raw')}>
            Raw
          </button>
        </div>
      </header>
      <div className="detail-body" key={item.key}>
        {view === 'pretty' ? <PrettyEvent item={item} sources={sources} /> : <RawEvent json={event.json} />}
      </div>
    </section>
  );
}
