import { isJsonObject, type JsonObject, type SegmentEvent } from '@millrace/spec';

/** Paths by their names; `true` is where one ends. */
type Tree = Map<string, Tree | true>;

/** Takes the fields out of an event, in place; of each member where there is a list on the way. */
export function blocker(paths: readonly string[]): (event: SegmentEvent) => void {
  const tree = treeOf(paths);
  return (event) => remove(event, tree);
}

/** Of each of `properties`, `traits` and `context` that a path begins with, keeps only what the paths say, in place. */
export function allower(paths: readonly string[]): (event: SegmentEvent) => void {
  const tree = treeOf(paths);
  return (event) => {
    for (const [top, kept] of tree) {
      if (Object.hasOwn(event, top)) event[top] = only(event[top], kept) ?? {};
    }
  };
}

function treeOf(paths: readonly string[]): Tree {
  const tree: Tree = new Map();
  for (const path of paths) {
    const names = path.split('.');
    const last = names.pop()!;
    let at: Tree | true = tree;
    for (const name of names) {
      if (at === true) break;
      const below: Tree | true = at.get(name) ?? new Map();
      at.set(name, below);
      at = below;
    }
    // Where a shorter path ends, a longer one says nothing more.
    if (at !== true) at.set(last, true);
  }
  return tree;
}

function remove(value: unknown, tree: Tree): void {
  if (Array.isArray(value)) for (const member of value) remove(member, tree);
  if (!isJsonObject(value)) return;
  for (const [name, below] of tree) {
    if (!Object.hasOwn(value, name)) continue;
    if (below === true) delete value[name];
    else remove(value[name], below);
  }
}

/** Undefined where nothing of the value is named. */
function only(value: unknown, kept: Tree | true): unknown {
  if (kept === true) return value;
  if (Array.isArray(value)) {
    return value.map((member) => only(member, kept)).filter((member) => member !== undefined);
  }
  if (!isJsonObject(value)) return undefined;
  const picked: JsonObject = {};
  for (const [name, below] of kept) {
    if (!Object.hasOwn(value, name)) continue;
    const part = only(value[name], below);
    if (part !== undefined) define(picked, name, part);
  }
  return picked;
}

/** `__proto__` is a name like any other in JSON. */
function define(object: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}
