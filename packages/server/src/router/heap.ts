/** A binary heap: `peek` and `pop` give the item whose key was smallest when it was pushed. */
export class Heap<Item> {
  readonly #keyOf: (item: Item) => number;
  readonly #items: Item[] = [];

  constructor(keyOf: (item: Item) => number) {
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    const items = this.#items;
    const key = this.#keyOf(item);
    let index = items.length;
    items.push(item);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex]!;
      if (this.#keyOf(parent) <= key) break;
      items[index] = parent;
      index = parentIndex;
    }
    items[index] = item;
  }

  pop(): Item | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    const key = this.#keyOf(last);
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= items.length) break;
      if (
        childIndex + 1 < items.length &&
        this.#keyOf(items[childIndex + 1]!) < this.#keyOf(items[childIndex]!)
      ) {
        childIndex += 1;
      }
      const child = items[childIndex]!;
      if (key <= this.#keyOf(child)) break;
      items[index] = child;
      index = childIndex;
    }
    items[index] = last;
    return top;
  }
}
