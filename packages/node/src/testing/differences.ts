/** Where a value is not what was wanted: the path of keys, and both sides. */
export interface Difference {
  path: readonly string[];
  wanted: unknown;
  was: unknown;
}

/** What `expect.any(Number)` and its like are, in Jest and in Vitest. */
interface Matcher {
  asymmetricMatch(value: unknown): boolean;
}

/**
 * Where `was`, which came over the wire as JSON, does not have what `wanted` asks for. An object may have
 * other keys besides; an array may not have other elements. `undefined` asks that there be nothing.
 */
export function differences(wanted: unknown, was: unknown, path: readonly string[] = []): Difference[] {
  const difference = [{ path, wanted, was }];
  if (isMatcher(wanted)) return wanted.asymmetricMatch(was) ? [] : difference;
  const expected = asOnTheWire(wanted);
  if (Array.isArray(expected)) {
    if (!Array.isArray(was) || was.length !== expected.length) return difference;
    return expected.flatMap((element, index) => differences(element, was[index], [...path, String(index)]));
  }
  if (isObject(expected)) {
    if (!isObject(was) || Array.isArray(was)) return difference;
    return Object.entries(expected).flatMap(([key, value]) => {
      return differences(value, Object.hasOwn(was, key) ? was[key] : undefined, [...path, key]);
    });
  }
  return Object.is(expected, was) ? [] : difference;
}

/** A Date is text by then, NaN is null, and -0 is 0. */
function asOnTheWire(value: unknown): unknown {
  if (isObject(value)) return typeof value['toJSON'] === 'function' ? toJson(value) : value;
  return typeof value === 'number' ? toJson(value) : value;
}

function toJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null');
}

function isMatcher(value: unknown): value is Matcher {
  return isObject(value) && typeof value['asymmetricMatch'] === 'function';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
