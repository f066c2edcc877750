import { expect, test } from 'vitest';
import { formatBytes, formatCompact, formatCount, formatRate, formatTime } from './format.ts';

test.each([
  [0, '0', '0'],
  [99_999, '99,999', '99,999'],
  [1_234_567, '1,234,567', '1.2M'],
])('%d reads %s, or %s where it is narrow', (count, full, narrow) => {
  expect(formatCount(count)).toBe(full);
  expect(formatCompact(count)).toBe(narrow);
});

test.each([
  [undefined, '–'],
  [0, '0'],
  [0.44, '0.4'],
  [12.3, '12'],
  [3_400.4, '3,400'],
])('a rate of %j reads %s', (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});

test('a time reads to the millisecond, by the local clock', () => {
  expect(formatTime(new Date(2026, 0, 2, 3, 4, 5, 6).getTime())).toBe('03:04:05.006');
});

test('a size reads in the unit that fits', () => {
  expect(formatBytes(640)).toBe('640 B');
  expect(formatBytes(48_112)).toBe('47 KB');
});
