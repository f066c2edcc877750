import type { SegmentEvent } from '@millrace/spec';
import { describe, expect, it } from 'vitest';
import { orderKeys } from './order-keys.ts';

function keys(fields: Record<string, unknown>, sourceId = 's'): string[] {
  const event: SegmentEvent = { type: 'track', messageId: 'm', timestamp: '', receivedAt: '', ...fields };
  return orderKeys(sourceId, event);
}

describe('order keys', () => {
  it.each<[string, Record<string, unknown>, number]>([
    ['userId, anonymousId and previousId', { userId: 'u', anonymousId: 'a', previousId: 'p' }, 3],
    ['an id once, whichever fields hold it', { userId: 'u', anonymousId: 'u' }, 1],
    ['no absent or empty id', { userId: null, anonymousId: '' }, 0],
    ['no previousId that is not an id', { userId: 'u', previousId: { nested: true } }, 1],
  ])('hold %s', (_, fields, count) => {
    expect(keys(fields)).toHaveLength(count);
  });

  it('are the same for an id as userId, as anonymousId and as the previousId of an alias', () => {
    expect(keys({ anonymousId: '7' })).toEqual(keys({ userId: '7' }));
    expect(keys({ previousId: '7' })).toEqual(keys({ userId: '7' }));
    expect(keys({ previousId: 7 })).toEqual(keys({ userId: '7' }));
  });

  it('differ from source to source', () => {
    expect(keys({ userId: 'u' }, 's1')).not.toEqual(keys({ userId: 'u' }, 's2'));
  });
});
