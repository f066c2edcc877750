import { beforeEach, describe, expect, it } from 'vitest';
import { LogWriteError } from '../log/log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { WITH_KEY, createRig, type Rig } from './test-rig.ts';

const event = { userId: 'ada', event: 'Signed Up', messageId: 'm-1' };
const item = { type: 'track', ...event };
const refused = (code: string): unknown => ({ success: false, code, message: expect.any(String) });

let log: Rig['log'];
let refusals: Rig['refusals'];
let logged: Rig['logged'];
let post: Rig['post'];

beforeEach(() => {
  ({ log, refusals, logged, post } = createRig(memoryLog().log));
});

describe('write keys', () => {
  it('takes one in the body', async () => {
    const reply = await post('/v1/batch', { writeKey: 'web-key', batch: [item] }, {});
    expect(reply.status).toBe(200);
    expect(log.events[0]?.sourceId).toBe('web');
  });

  it('takes one in the body beside a Bearer token', async () => {
    const reply = await post('/v1/track', { writeKey: 'web-key', ...event }, { authorization: 'Bearer t' });
    expect(reply.status).toBe(200);
  });

  it('keeps none in an event, nor shows one in a refused one', async () => {
    await post('/v1/track', { writeKey: 'web-key', ...event });
    await post('/v1/batch', {
      batch: [{ writeKey: 'web-key', ...item, messageId: 'm-2' }, { writeKey: 'web-key' }],
    });
    expect(log.events).toHaveLength(2);
    expect(JSON.stringify([log.bodies, refusals])).not.toContain('web-key');
  });

  it.each([
    ['missing_write_key', {}, { batch: [{ ...item, writeKey: 'web-key' }] }],
    ['missing_write_key', { authorization: 'Basic Og==' }, { batch: [item] }],
    ['project_not_found', { authorization: 'Basic bm9wZTo=' }, { batch: [item], writeKey: 'web-key' }],
    ['project_not_found', {}, { batch: [item], writeKey: 'nope' }],
  ])('answers 401 %s', async (code, headers, body) => {
    expect(await post('/v1/batch', body, headers)).toMatchObject({ status: 401, body: refused(code) });
    expect(log.events).toEqual([]);
    expect(refusals).toMatchObject([{ code }]);
    expect(refusals[0]).not.toHaveProperty('sourceId');
  });
});

describe('requests that are none of ours', () => {
  it.each(['/', '/v1', '/v1/x', '/v1/batch/x', '/V1/batch'])('answers 404 not_found to %s', async (path) => {
    expect(await post(path, {})).toMatchObject({ status: 404, body: refused('not_found') });
  });

  it('answers 404 whatever the content type', async () => {
    const reply = await post('/nothing', 'x', { 'content-type': '/;/' });
    expect(reply).toMatchObject({ status: 404, body: refused('not_found') });
  });

  it('answers 400 invalid_request to a path that cannot be decoded', async () => {
    expect(await post('/v1/%', {})).toMatchObject({ status: 400, body: refused('invalid_request') });
  });

  it('answers 400 invalid_request to a body shorter than it says', async () => {
    const reply = await post('/v1/batch', '{}', { ...WITH_KEY, 'content-length': '3' });
    expect(reply).toMatchObject({ status: 400, body: refused('invalid_request') });
  });

  it.each([
    ['unsupported_content_type', { 'content-type': 'text/html' }],
    ['unsupported_content_type', { 'content-type': 'nonsense' }],
    ['invalid_encoding', { 'content-encoding': 'gzip' }],
  ])('answers 400 %s', async (code, headers) => {
    expect(await post('/v1/batch', { batch: [item] }, { ...WITH_KEY, ...headers })).toMatchObject({
      status: 400,
      body: refused(code),
    });
  });
});

describe('when events cannot be kept', () => {
  it.each(['log_unavailable', 'disk_full', 'shutting_down'] as const)('answers 503 %s', async (code) => {
    log.beforeAppend = () => {
      throw new LogWriteError(code, 'raw words of the log');
    };
    const reply = await post('/v1/batch', { batch: [item, { ...item, userId: '' }] });
    expect(reply).toMatchObject({ status: 503, body: refused(code) });
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.stringify(reply.body)).not.toContain('raw words');
    // Nothing of the request counts: the sender will send all of it again.
    expect(refusals).toMatchObject([{ code, sourceId: 'web' }]);
  });

  it('answers 500 to a bug of ours, to be sent again, and shows nobody what was sent', async () => {
    log.beforeAppend = () => {
      throw new TypeError('cannot read ada');
    };
    const reply = await post('/v1/batch', { batch: [item] });
    expect(reply).toMatchObject({ status: 500, body: refused('internal_error') });
    expect(reply.headers['retry-after']).toBeDefined();
    expect(logged).toMatchObject([[{ name: 'TypeError' }, 'a request was answered internal_error']]);
    expect(JSON.stringify([reply.body, logged])).not.toContain('ada');
  });

  it('answers only once the append is durable', async () => {
    const order: string[] = [];
    log.beforeAppend = async () => {
      await new Promise(setImmediate);
      order.push('durable');
    };
    await post('/v1/batch', { batch: [item] }).then(() => order.push('answered'));
    expect(order).toEqual(['durable', 'answered']);
  });

  it('answers 200 for what is durable even if nobody can be told of a duplicate', async () => {
    const reply = await post('/v1/batch', { batch: [item, item] }, WITH_KEY, {
      onRefused: () => {
        throw new Error('listener');
      },
    });
    expect(reply.status).toBe(200);
    expect(logged).toHaveLength(1);
  });
});
