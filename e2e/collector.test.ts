import { Analytics } from '@millrace/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

let project: Project;
let receiver: Receiver;
let server: Millrace;

beforeAll(async () => {
  project = await createProject();
  receiver = await startReceiver();
  await project.writeConfig(configFor(receiver.url));
  server = await startMillrace({ mode: 'start', dir: project.dir });
});

afterAll(async () => {
  await server.stop();
  await receiver.close();
  await project.remove();
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(server.trackingUrl + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from('shop-key:').toString('base64')}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const track = (messageId: string, more: object = {}) => ({
  type: 'track',
  userId: 'u',
  event: 'E',
  messageId,
  ...more,
});
const arrived = (messageId: string) => receiver.events().filter((event) => event['messageId'] === messageId);

describe('what the Tracking API answers', () => {
  it('keeps the valid events of a batch, and says which were refused when asked', async () => {
    const batch = [
      track('mixed-1'),
      { type: 'track', event: 'E' },
      track('mixed-2', { event: 7 }),
      track('mixed-3'),
    ];
    const answer = await post('/v1/batch', { batch }, { 'x-millrace-verdicts': '1' });
    expect(answer).toEqual({
      status: 200,
      body: {
        success: true,
        verdicts: [
          { index: 1, code: 'no_user_anon_id' },
          { index: 2, code: 'event_not_string' },
        ],
      },
    });
    await vi.waitFor(() => {
      expect(arrived('mixed-1')).toHaveLength(1);
      expect(arrived('mixed-3')).toHaveLength(1);
    });
    expect(arrived('mixed-2')).toHaveLength(0);
  });

  it('refuses an oversize event alone with 400, and in a batch only that item', async () => {
    const large = track('large', { properties: { text: 'x'.repeat(33_000) } });
    expect(await post('/v1/track', large)).toMatchObject({
      status: 400,
      body: { code: 'message_too_large' },
    });
    expect(await post('/v1/batch', { batch: [large, track('beside-large')] })).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(arrived('beside-large')).toHaveLength(1));
    expect(arrived('large')).toHaveLength(0);
  });

  it('refuses an oversize body', async () => {
    const batch = Array.from({ length: 20 }, (_, index) =>
      track(`b-${index}`, { properties: { text: 'x'.repeat(30_000) } }),
    );
    expect(await post('/v1/batch', { batch })).toMatchObject({
      status: 400,
      body: { code: 'batch_too_large' },
    });
  });

  it('answers a duplicate with 200 and delivers it once, also across a restart', async () => {
    expect(await post('/v1/track', track('twice'))).toMatchObject({ status: 200 });
    expect(await post('/v1/track', track('twice'))).toMatchObject({ status: 200 });
    await server.stop();
    server = await startMillrace({ mode: 'start', dir: project.dir });
    expect(await post('/v1/track', track('twice'))).toMatchObject({ status: 200 });
    expect(await post('/v1/track', track('after-twice'))).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(arrived('after-twice')).toHaveLength(1));
    expect(arrived('twice')).toHaveLength(1);
  });

  it.each([
    ['no event name', '/v1/track', { userId: 'u' }, 400, 'event_not_defined'],
    ['nobody', '/v1/identify', { traits: {} }, 400, 'no_user_anon_id'],
    ['broken JSON', '/v1/track', '{"userId":', 400, 'invalid_json'],
    ['an empty batch', '/v1/batch', { batch: [] }, 400, 'empty_batch'],
    ['an unknown route', '/v2/track', {}, 404, 'not_found'],
  ])('names %s', async (_, path, body, status, code) => {
    expect(await post(path, body)).toMatchObject({ status, body: { success: false, code } });
  });

  it.each([
    [
      'an unknown key',
      { authorization: `Basic ${Buffer.from('guess:').toString('base64')}` },
      401,
      'project_not_found',
    ],
    ['no key', { authorization: '' }, 401, 'missing_write_key'],
    ['another content type', { 'content-type': 'application/xml' }, 400, 'unsupported_content_type'],
  ])('names %s', async (_, headers, status, code) => {
    expect(await post('/v1/track', track('never'), headers)).toMatchObject({
      status,
      body: { success: false, code },
    });
  });

  it('takes the write key from the body and keeps it out of the event', async () => {
    const answer = await post(
      '/v1/track',
      { ...track('body-key'), writeKey: 'shop-key' },
      { authorization: '' },
    );
    expect(answer.status).toBe(200);
    await vi.waitFor(() => expect(arrived('body-key')).toHaveLength(1));
    expect(arrived('body-key')[0]).not.toHaveProperty('writeKey');
  });

  it.each(['/v1/t', '/track', '/t'])('takes an event at %s', async (path) => {
    const messageId = `at ${path}`;
    const { userId, event } = track(messageId);
    expect(await post(path, { userId, event, messageId })).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(arrived(messageId)).toMatchObject([{ type: 'track' }]));
  });

  it.each(['/v1/import', '/v1/b', '/batch', '/b'])('takes a batch at %s', async (path) => {
    const messageId = `at ${path}`;
    expect(await post(path, { batch: [track(messageId)] })).toMatchObject({ status: 200 });
    await vi.waitFor(() => expect(arrived(messageId)).toHaveLength(1));
  });

  it("takes our own library's compressed batches", async () => {
    const analytics = new Analytics({ writeKey: 'shop-key', host: server.trackingUrl, gzip: true });
    const properties = { text: 'x'.repeat(2_000) };
    analytics.track({ userId: 'u', event: 'Compressed', messageId: 'compressed', properties });
    await analytics.closeAndFlush();
    await vi.waitFor(() => expect(arrived('compressed')).toMatchObject([{ properties }]));
  });
});
