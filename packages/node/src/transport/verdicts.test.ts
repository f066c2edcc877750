import { describe, expect, it } from 'vitest';
import { verdictsIn } from './verdicts.ts';

describe('verdictsIn', () => {
  it('reads index and code of each refused event', () => {
    const text =
      '{"success":true,"verdicts":[{"index":1,"code":"invalid_type","more":1},{"index":0,"code":"x"}]}';
    expect(verdictsIn(text)).toEqual([
      { index: 1, code: 'invalid_type' },
      { index: 0, code: 'x' },
    ]);
  });

  it.each([
    ['what Segment answers', '{\n  "success": true\n}'],
    ['nothing', ''],
    ['no refused event', '{"success":true,"verdicts":[]}'],
    ['JSON that is cut short', '{"verdicts":[{"index":0,'],
    ['a page', '<p>"verdicts"</p>'],
    ['another form', '{"verdicts":{"index":0,"code":"x"}}'],
    ['no object', '["verdicts"]'],
    [
      'items of another form',
      '{"verdicts":[null,1,{"index":-1,"code":"x"},{"index":0.5,"code":"x"},{"index":0}]}',
    ],
  ])('finds none in %s', (_, text) => {
    expect(verdictsIn(text)).toBeUndefined();
  });
});
