import type { Position } from '../log/log.ts';

/** What is kept in order. */
export interface Ordered {
  readonly position: Position;
}

/** One key of one item: a place in the chain of those that wait for each other. */
interface Link<Item extends Ordered> {
  readonly key: string;
  readonly item: Item;
  previous: Link<Item> | undefined;
  next: Link<Item> | undefined;
}

interface Chain<Item extends Ordered> {
  first: Link<Item>;
  last: Link<Item>;
  count: number;
}

/**
 * Which items wait for which: those that share a key are chained in the order in which they came, and an item is free
 * once it is the first of all of its chains. One that is passed leaves its chains and is remembered, so that whoever
 * gets ahead of it is known. Each step costs O(keys).
 */
export class KeyOrder<Item extends Ordered> {
  readonly #chains = new Map<string, Chain<Item>>();
  readonly #links = new Map<Item, Link<Item>[]>();
  /** By key: unsettled, and held to no order any more. */
  readonly #passed = new Map<string, Set<Item>>();
  readonly #passedKeys = new Map<Item, readonly string[]>();

  /** Behind all that are there with one of its keys. */
  join(item: Item, keys: readonly string[]): void {
    const links: Link<Item>[] = [];
    for (const key of keys) {
      const chain = this.#chains.get(key);
      const link: Link<Item> = { key, item, previous: chain?.last, next: undefined };
      if (chain) {
        chain.last.next = link;
        chain.last = link;
        chain.count += 1;
      } else {
        this.#chains.set(key, { first: link, last: link, count: 1 });
      }
      links.push(link);
    }
    if (links.length > 0) this.#links.set(item, links);
  }

  /** Of its keys, how many have an earlier item. */
  blockedCount(item: Item): number {
    return this.#linksOf(item).filter(({ previous }) => previous).length;
  }

  /** The next item of each of its keys. */
  followers(item: Item): Item[] {
    return this.#linksOf(item).flatMap(({ next }) => (next ? [next.item] : []));
  }

  /** How many wait behind it with the same key, of the key with the most. */
  followerCount(item: Item): number {
    return Math.max(0, ...this.#linksOf(item).map(({ key }) => (this.#chains.get(key)?.count ?? 1) - 1));
  }

  /** The first items of its keys: itself, or what it waits for in the end. */
  heads(item: Item): Item[] {
    return this.#linksOf(item).flatMap(({ key }) => this.#chains.get(key)?.first.item ?? []);
  }

  /** Whether an earlier item with one of its keys has not left. */
  isAhead(item: Item): boolean {
    if (this.blockedCount(item) > 0) return true;
    if (this.#passed.size === 0) return false;
    const keys = this.#passedKeys.get(item) ?? this.#linksOf(item).map(({ key }) => key);
    return keys.some((key) =>
      [...(this.#passed.get(key) ?? [])].some((passed) => passed.position < item.position),
    );
  }

  isPassed(item: Item): boolean {
    return this.#passedKeys.has(item);
  }

  /** Lets the others by. Returns the items that were next. */
  pass(item: Item): Item[] {
    const keys = this.#linksOf(item).map(({ key }) => key);
    for (const key of keys) {
      const others = this.#passed.get(key);
      if (others) others.add(item);
      else this.#passed.set(key, new Set([item]));
    }
    const freed = this.#unlink(item);
    this.#passedKeys.set(item, keys);
    return freed;
  }

  /** It is settled. Returns the items that were next. */
  leave(item: Item): Item[] {
    for (const key of this.#passedKeys.get(item) ?? []) {
      const others = this.#passed.get(key);
      others?.delete(item);
      if (others?.size === 0) this.#passed.delete(key);
    }
    this.#passedKeys.delete(item);
    return this.#unlink(item);
  }

  #linksOf(item: Item): readonly Link<Item>[] {
    return this.#links.get(item) ?? [];
  }

  #unlink(item: Item): Item[] {
    const freed: Item[] = [];
    for (const { key, previous, next } of this.#linksOf(item)) {
      const chain = this.#chains.get(key)!;
      chain.count -= 1;
      if (previous) previous.next = next;
      if (next) next.previous = previous;
      if (!previous && next) {
        chain.first = next;
        freed.push(next.item);
      }
      if (previous && !next) chain.last = previous;
      if (!previous && !next) this.#chains.delete(key);
    }
    this.#links.delete(item);
    return freed;
  }
}
