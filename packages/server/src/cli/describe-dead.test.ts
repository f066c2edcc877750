import { expect, it } from 'vitest';
import { describeDeadLetter, describeDeadList } from './describe-dead.ts';

const line = {
  id: 'hook:0:3',
  destinationId: 'hook',
  partition: 0,
  position: 3,
  messageId: 'm',
  eventName: 'Order Placed',
  code: 'HTTP_400',
  attemptCount: 2,
  diedAtMs: Date.UTC(2026, 2, 1),
};

it('lists a letter a line, and says where to go on', () => {
  const asked = { ...line, id: 'hook:0:4', retryAskedAtMs: Date.UTC(2026, 2, 2) };
  expect(describeDeadList({ letters: [line, asked], next: '7:hook:0:4' })).toBe(
    [
      'hook:0:3  2026-03-01T00:00:00.000Z  HTTP_400 after 2 attempts  "Order Placed"  message m',
      'hook:0:4  2026-03-01T00:00:00.000Z  HTTP_400 after 2 attempts  "Order Placed"  message m  (retry asked 2026-03-02T00:00:00.000Z)',
      'more: --next 7:hook:0:4\n',
    ].join('\n'),
  );
  expect(describeDeadList({ letters: [] })).toBe('no dead letters\n');
  expect(describeDeadList({ letters: [], next: '7:hook:0:4' })).toContain('none among the newest\nmore:');
});

it('shows the request, the answer and the event', () => {
  const request = { method: 'POST', url: 'http://x/', headers: { 'user-agent': 'millrace' }, bodyBytes: 9 };
  const answer = { status: 400, contentType: 'text/plain', body: 'no\r\nsuch field', isCut: true };
  expect(describeDeadLetter({ ...line, json: '{"a":1}', exchange: { request, answer } })).toContain(
    [
      'request',
      '  POST http://x/, 9 bytes',
      '    user-agent: millrace',
      'answer',
      '  400 text/plain',
      '    no',
      '    such field',
      '    (cut)',
      'event',
      '  {"a":1}\n',
    ].join('\n'),
  );
  expect(describeDeadLetter({ ...line, json: '{}', exchange: { request } })).toContain(
    'answer\n  none\nevent',
  );
  expect(describeDeadLetter({ ...line, json: '{}', exchange: { query: 'x' } })).toContain(
    '  {"query":"x"}\n',
  );
  expect(describeDeadLetter({ ...line, json: '{}' })).not.toContain('request');
});

it('lets no vendor and no event give orders to the terminal', () => {
  const answer = { status: 400, body: '\u001b[2Jgone\u0007', isCut: false };
  const request = { method: 'POST', url: 'http://x/', headers: {}, bodyBytes: 0 };
  const text = describeDeadLetter({
    ...line,
    messageId: 'a\nhook:0:9  fake',
    json: '{}',
    exchange: { request, answer },
  });
  expect(text).toContain('\\u001b[2Jgone\\u0007');
  expect(text).toContain('message a\\u000ahook:0:9  fake');
});
