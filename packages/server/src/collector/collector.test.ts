import { EVENT_TYPES } from '@millrace/spec';
import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_TIMESTAMP_SKEWED } from '../log/log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, encodeEntries } from '../log/segments/frame.ts';
import { NOW, WITH_KEY, createRig, type Rig } from './test-rig.ts';

const event = { userId: 'ada', event: 'Signed Up', messageId: 'm-1' };
const item = { type: 'track', ...event };
const refused = (code: string): unknown => ({ success: false, code, message: expect.any(String) });

let log: Rig['log'];
let refusals: Rig['refusals'];
let post: Rig['post'];

beforeEach(() => {
  ({ log, refusals, post } = createRig(memoryLog().log));
});

describe('the event routes', () => {
  it.each(EVENT_TYPES)('keeps a %s and takes the type from the path', async (type) => {
    const { type: _, ...sent } = item;
    const reply = await post(`/v1/${type}`, sent);
    expect(reply).toMatchObject({ status: 200, body: { success: true } });
    expect(log.bodies).toEqual([{ ...sent, type, receivedAt: NOW, timestamp: NOW }]);
    expect(log.events[0]).toMatchObject({
      sourceId: 'web',
      messageId: 'm-1',
      receivedAtMs: Date.parse(NOW),
      flags: 0,
    });
  });

  it('lets the path win over a type that contradicts it', async () => {
    await post('/v1/track', { ...event, type: 'identify' });
    expect(log.bodies[0]).toMatchObject({ type: 'track' });
  });

  it('passes everything else on as it came', async () => {
    const sent = {
      ...item,
      userId: null,
      anonymousId: 'ü\u2028\ud83d\ude00',
      properties: { price: 9.5, nested: [null, { deep: true }], '': '' },
      context: { ip: '192.0.2.1', traits: {} },
      integrations: { All: false, Mixpanel: { key: 1 } },
      custom: 0,
    };
    await post('/v1/track', sent);
    expect(log.bodies).toEqual([{ ...sent, receivedAt: NOW, timestamp: NOW }]);
  });

  it('stamps by sentAt, and marks a clock that is off by days', async () => {
    await post('/v1/track', { ...event, timestamp: '2026-03-10T11:00:00Z', sentAt: '2026-03-10T11:00:05Z' });
    expect(log.bodies[0]).toMatchObject({
      timestamp: '2026-03-10T11:59:55.000Z',
      originalTimestamp: '2026-03-10T11:00:00Z',
      sentAt: '2026-03-10T11:00:05Z',
      receivedAt: NOW,
    });
    await post('/v1/track', { ...event, messageId: 'm-2', sentAt: '2020-01-01T00:00:00Z' });
    expect(log.events[1]?.flags).toBe(FLAG_TIMESTAMP_SKEWED);
  });

  it('mints a messageId where none came', async () => {
    await post('/v1/track', { ...event, messageId: null });
    expect(log.events[0]?.messageId).toBe('minted');
    expect(log.bodies[0]).toMatchObject({ messageId: 'minted' });
  });

  it.each([
    ['no_user_anon_id', { event: 'x' }],
    ['event_not_defined', { userId: 'ada' }],
    ['properties_not_object', { ...event, properties: [] }],
    ['invalid_message_id', { ...event, messageId: '' }],
    ['invalid_event', [item]],
    ['invalid_event', 'null'],
  ])('answers 400 %s', async (code, body) => {
    expect(await post('/v1/track', body)).toMatchObject({ status: 400, body: refused(code) });
    expect(log.events).toEqual([]);
    expect(refusals).toMatchObject([{ code, sourceId: 'web', receivedAtMs: Date.parse(NOW) }]);
  });

  it('takes an event at the limit as it came and none above, whatever we add', async () => {
    const empty = JSON.stringify({ ...event, properties: { fill: '' } });
    const fill = 'x'.repeat(32_768 - Buffer.byteLength(empty));
    expect((await post('/v1/track', { ...event, properties: { fill } })).status).toBe(200);
    const larger = await post('/v1/track', { ...event, properties: { fill: `${fill}x` } });
    expect(larger).toMatchObject({ status: 400, body: refused('message_too_large') });
    expect(refusals).toMatchObject([
      { code: 'message_too_large', sizeBytes: 32_769, eventName: 'Signed Up' },
    ]);
  });

  it('counts bytes, not characters', async () => {
    const reply = await post('/v1/track', { ...event, properties: { fill: '磨'.repeat(11_000) } });
    expect(reply.body).toEqual(refused('message_too_large'));
  });

  it('refuses what is nested too deep for what comes after us', async () => {
    const body = `{"userId":"ada","event":"x","properties":{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}}`;
    expect(await post('/v1/track', body)).toMatchObject({ status: 400, body: refused('invalid_event') });
    expect(refusals).toMatchObject([{ code: 'invalid_event', sizeBytes: body.length }]);
    expect(refusals[0]).not.toHaveProperty('event');
  });
});

/** Grows when it is written out: JSON.stringify spells `1e20`. */
const itemText = (index: number): string =>
  `{"type":"track","userId":"u","event":"E","timestamp":"2026-03-10T11:00:00Z",` +
  `"messageId":"m-${index}","properties":{"n":[${Array.from({ length: 16 }, () => '1e20').join(',')}]}}`;

describe('/v1/batch', () => {
  it('keeps the events in order', async () => {
    const batch = ['a', 'b', 'c'].map((messageId) => ({ ...item, messageId }));
    expect(await post('/v1/batch', { batch })).toMatchObject({ status: 200, body: { success: true } });
    expect(log.events.map(({ messageId }) => messageId)).toEqual(['a', 'b', 'c']);
  });

  it('merges context and integrations under those of each item', async () => {
    const context = { library: { name: 'lib', version: '1' }, locale: 'de' };
    const batch = [
      { ...item, messageId: 'a', context: { locale: 'fr' }, integrations: { Mixpanel: true } },
      { ...item, messageId: 'b' },
      { ...item, messageId: 'c', context: null, integrations: 'odd' },
    ];
    await post('/v1/batch', { batch, context, integrations: { All: false } });
    expect(log.bodies.map(({ context, integrations }) => ({ context, integrations }))).toEqual([
      { context: { ...context, locale: 'fr' }, integrations: { All: false, Mixpanel: true } },
      { context, integrations: { All: false } },
      { context, integrations: 'odd' },
    ]);
  });

  it('refuses a batch that shares what no event may hold', async () => {
    const deep = `${'['.repeat(600)}${']'.repeat(600)}`;
    const reply = await post('/v1/batch', `{"batch":[${JSON.stringify(item)}],"context":{"deep":${deep}}}`);
    expect(reply).toMatchObject({ status: 400, body: refused('invalid_batch') });
  });

  it("takes an item's sentAt before the batch's", async () => {
    const timestamp = '2026-03-10T11:00:00Z';
    const batch = [
      { ...item, messageId: 'a', timestamp },
      { ...item, messageId: 'b', timestamp, sentAt: '2026-03-10T11:00:20Z' },
    ];
    await post('/v1/batch', { batch, sentAt: '2026-03-10T11:00:10Z' });
    expect(log.bodies).toMatchObject([
      { timestamp: '2026-03-10T11:59:50.000Z', sentAt: '2026-03-10T11:00:10Z' },
      { timestamp: '2026-03-10T11:59:40.000Z', sentAt: '2026-03-10T11:00:20Z' },
    ]);
  });

  it('keeps what is valid and says of the rest why not, when asked', async () => {
    const batch = [
      { ...item, userId: '' },
      item,
      { ...item, type: 'click' },
      7,
      { ...event, messageId: 'x' },
    ];
    const reply = await post('/v1/batch', { batch }, { ...WITH_KEY, 'x-millrace-verdicts': '1' });
    expect(reply).toMatchObject({
      status: 200,
      body: {
        success: true,
        verdicts: [
          { index: 0, code: 'no_user_anon_id' },
          { index: 2, code: 'invalid_type' },
          { index: 3, code: 'invalid_event' },
          { index: 4, code: 'missing_type' },
        ],
      },
    });
    expect(log.events).toHaveLength(1);
    expect(refusals.map(({ code }) => code)).toEqual([
      'no_user_anon_id',
      'invalid_type',
      'invalid_event',
      'missing_type',
    ]);
  });

  it('says nothing of verdicts unless asked', async () => {
    expect((await post('/v1/batch', { batch: [7] })).body).toEqual({ success: true });
  });

  it('refuses only the item that is too large', async () => {
    const large = { ...item, messageId: 'large', properties: { fill: 'x'.repeat(40_000) } };
    const reply = await post('/v1/batch', { batch: [large, item] });
    expect(reply.status).toBe(200);
    expect(log.events.map(({ messageId }) => messageId)).toEqual(['m-1']);
    expect(refusals).toMatchObject([{ code: 'message_too_large', messageId: 'large' }]);
  });

  it('does not let what a batch shares grow without bound', async () => {
    const batch = Array.from({ length: 2_000 }, (_, index) => ({ ...item, messageId: `m-${index}` }));
    const reply = await post('/v1/batch', { batch, context: { fill: 'x'.repeat(30_000) } });
    expect(reply).toMatchObject({ status: 400, body: refused('batch_too_large') });
    const fair = await post('/v1/batch', { batch, context: { fill: 'x'.repeat(2_400) } });
    expect(fair.status).toBe(200);
  });

  it('never lets a batch grow beyond one commit of the log', async () => {
    const batch = Array.from({ length: 2_500 }, (_, index) => itemText(index)).join(',');
    const send = (fillCount: number) =>
      post('/v1/batch', `{"context":{"fill":"${'x'.repeat(fillCount)}"},"batch":[${batch}]}`);
    expect((await send(2_010)).status).toBe(200);
    const hashed = log.events.map((event) => ({ event, hash: '' }));
    expect(hashed).toHaveLength(2_500);
    expect(FRAME_HEADER_BYTES + encodeEntries(hashed).length).toBeLessThan(MAX_FRAME_BYTES);
    expect((await send(2_100)).body).toEqual(refused('batch_too_large'));
  });

  it.each([
    ['empty_batch', { batch: [] }],
    ['invalid_batch', { batch: {} }],
    ['invalid_batch', {}],
    ['invalid_batch', []],
    ['invalid_json', '{"batch":['],
    ['too_many_events', { batch: Array.from({ length: 2_501 }, () => ({})) }],
    ['batch_too_large', `{"batch":[]}${' '.repeat(512_000)}`],
    ['batch_too_large', ' '.repeat(5_000_000)],
  ])('answers 400 %s', async (code, body) => {
    const reply = await post('/v1/batch', body, { ...WITH_KEY, 'user-agent': 'lib/1.0' });
    expect(reply).toMatchObject({ status: 400, body: refused(code) });
    const sizeBytes = (typeof body === 'string' ? body : JSON.stringify(body)).length;
    expect(refusals).toMatchObject([{ code, sizeBytes, sdk: 'lib/1.0' }]);
  });

  it('takes 2,500 events', async () => {
    const batch = Array.from({ length: 2_500 }, (_, index) => ({ ...item, messageId: `m-${index}` }));
    expect((await post('/v1/batch', { batch })).status).toBe(200);
    expect(log.events).toHaveLength(2_500);
  });

  it('takes other limits', async () => {
    const reply = await post('/v1/batch', { batch: [item, item] }, WITH_KEY, {
      limits: { batchMaxCount: 1 },
    });
    expect(reply.body).toEqual(refused('too_many_events'));
  });
});

describe('duplicates', () => {
  it('answers 200, keeps the first, and tells who watches', async () => {
    const context = { library: { name: 'analytics-node', version: '6.2.0' } };
    const reply = await post('/v1/batch', { batch: [item, { ...item, context }] });
    expect(reply).toMatchObject({ status: 200, body: { success: true } });
    expect(log.events).toHaveLength(1);
    expect(refusals).toMatchObject([
      {
        code: 'duplicate',
        sourceId: 'web',
        sdk: 'analytics-node/6.2.0',
        type: 'track',
        eventName: 'Signed Up',
        messageId: 'm-1',
        event: { ...item, context },
      },
    ]);
  });
});

describe('hostile fields', () => {
  it('keeps __proto__ and constructor as fields that change nothing', async () => {
    const body =
      '{"__proto__":{"userId":"eve","polluted":1},"constructor":{"prototype":{"polluted":1}},' +
      '"userId":"ada","event":"x","messageId":"m","context":{"__proto__":{"polluted":1}}}';
    expect((await post('/v1/track', body)).status).toBe(200);
    const [kept] = log.bodies;
    expect(JSON.stringify(kept)).toContain('"context":{"__proto__":{"polluted":1}}');
    expect(Object.hasOwn(kept!, '__proto__')).toBe(true);
    expect({}).not.toHaveProperty('polluted');
  });

  it('takes no field from __proto__', async () => {
    const reply = await post('/v1/track', '{"__proto__":{"userId":"eve"},"event":"x"}');
    expect(reply.body).toEqual(refused('no_user_anon_id'));
  });
});
