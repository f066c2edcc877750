import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { indentJson } from './indent-json.ts';

test('lays text out as JSON.stringify does', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    }),
  );
});

test('changes no value: numbers beyond precision, repeated keys and escapes stay', () => {
  const text = String.raw`{"id":12345678901234567890,"a":1.0,"a":"\u00e9\"{,"}`;
  expect(indentJson(text)).toBe(
    String.raw`{
  "id": 12345678901234567890,
  "a": 1.0,
  "a": "\u00e9\"{,"
}`,
  );
});

test('hostile nesting grows the text by a constant a level', () => {
  const depth = 10_000;
  const text = '['.repeat(depth) + ']'.repeat(depth);
  expect(indentJson(text).length).toBeLessThan(depth * 150);
});
