/**
 * JSON.parse reads any depth, but much of what handles an event later recurses, and how deep it gets
 * depends on the runtime. Far more than events hold, far less than a stack does.
 */
export const DEPTH_MAX = 500;

/** One line of JSON in UTF-8; undefined when objects and arrays are nested deeper than `DEPTH_MAX`. */
export function jsonOf(value: unknown): Buffer | undefined {
  let json: Buffer;
  try {
    json = Buffer.from(JSON.stringify(value));
  } catch (error) {
    // What JSON.stringify throws when the stack is at its end.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  // Each level takes a bracket on either side: most events are too short to be worth the walk.
  return json.length > 2 * DEPTH_MAX && isDeeper(value, DEPTH_MAX) ? undefined : json;
}

function isDeeper(value: unknown, levelCount: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levelCount === 0 || Object.values(value).some((child) => isDeeper(child, levelCount - 1));
}
