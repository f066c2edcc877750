import type { FeedItem } from './feed-item.ts';

export type Kind = 'all' | 'received' | 'refused';

/** Items of that kind that hold every word of the query, in any field that is searched. */
export function filterItems(items: readonly FeedItem[], kind: Kind, query: string): readonly FeedItem[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (kind === 'all' && words.length === 0) return items;
  return items.filter(
    ({ event, searchText }) =>
      (kind === 'all' || event.kind === kind) && words.every((word) => searchText.includes(word)),
  );
}
