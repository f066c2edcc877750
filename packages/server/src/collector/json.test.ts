import { describe, expect, it } from 'vitest';
import { DEPTH_MAX, jsonOf } from './json.ts';

const arrays = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
const objects = (depth: number): unknown => JSON.parse(`${'{"":'.repeat(depth)}0${'}'.repeat(depth)}`);

describe('jsonOf', () => {
  it('writes one line of UTF-8', () => {
    expect(jsonOf({ a: 'ü\n', b: undefined })).toEqual(Buffer.from('{"a":"ü\\n"}'));
  });

  it.each([arrays, objects])('writes what is nested as deep as may be and nothing deeper (%o)', (nested) => {
    expect(jsonOf(nested(DEPTH_MAX))).toBeInstanceOf(Buffer);
    expect(jsonOf(nested(DEPTH_MAX + 1))).toBeUndefined();
  });

  it('gives up where the runtime does', () => {
    expect(jsonOf(arrays(200_000))).toBeUndefined();
  });

  it('finds the one deep branch of a wide value', () => {
    expect(jsonOf([...Array.from({ length: 1_000 }, () => ({})), arrays(DEPTH_MAX)])).toBeUndefined();
  });
});
