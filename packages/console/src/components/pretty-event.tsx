import { useMemo } from 'react';
import { detailGroups, detailTrees } from '../event-details.ts';
import type { FeedItem } from '../feed-item.ts';
import type { Status } from '../wire.ts';
import { JsonTree } from './json-tree.tsx';

interface PrettyEventProps {
  item: FeedItem;
  sources: Status['sources'];
}

export function PrettyEvent({ item: { event }, sources }: PrettyEventProps) {
  const sourceName = sources.find(({ id }) => id === event.sourceId)?.name;
  const groups = useMemo(() => detailGroups(event, sourceName), [event, sourceName]);
  const trees = useMemo(() => detailTrees(event), [event]);
  return (
    <>
      {groups.map(({ title, rows }) => (
        <section key={title} className="group">
          <h3>{title}</h3>
          <dl className="fields">
            {rows.map(({ name, value, note }) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  {value}
                  {note !== undefined && <span className="muted"> {note}</span>}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      {trees.map(({ name, value }) => (
        <section key={name} className="group">
          <h3>{name}</h3>
          <JsonTree value={value} />
        </section>
      ))}
    </>
  );
}
