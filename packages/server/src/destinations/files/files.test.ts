import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@millrace/spec';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deliveryEvent, describeDestination, offerAll } from '../contract.ts';
import type { DeliveryEvent, DeliveryResult, Destination } from '../destination.ts';
import { createFiles } from './files.ts';

const DAY = '2026-03-01';

describeDestination('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-files-'));
  const dir = join(folder, 'secret-customer');
  return Promise.resolve({
    destination: createFiles({ dir }),
    received: () => Promise.resolve(messageIds(join(dir, `${DAY}.ndjson`))),
    // A file where the folder should be made.
    breakVendor: () => writeFileSync(dir, ''),
    secrets: ['secret-customer'],
    dispose: async () => rmSync(folder, { recursive: true }),
  });
});

function messageIds(path: string): string[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, 'utf8');
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as DeliveryEvent['event']).messageId);
}

describe('the files destination', () => {
  let dir: string;
  let destination: Destination;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'millrace-files-'));
    destination = createFiles({ dir });
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const fileOf = (day: string): string => join(dir, `${day}.ndjson`);
  const textOf = (day: string): string => readFileSync(fileOf(day), 'utf8');
  function deliver(state: JsonObject | undefined, ...events: DeliveryEvent[]): Promise<DeliveryResult> {
    return destination.deliver(events, { state, signal: new AbortController().signal });
  }

  it('has its offset committed before it writes', async () => {
    const first = await deliver(undefined, deliveryEvent('a'));
    expect(first).toStrictEqual({ outcomes: [], state: { dir, day: DAY, offset: 0 } });
    expect(existsSync(fileOf(DAY))).toBe(false);
    const second = await deliver(first.state, deliveryEvent('a'));
    const line = `${deliveryEvent('a').json.toString()}\n`;
    expect(second).toStrictEqual({
      outcomes: [{ kind: 'delivered' }],
      state: { dir, day: DAY, offset: Buffer.byteLength(line) },
    });
    expect(textOf(DAY)).toBe(line);
  });

  it('makes its folder', async () => {
    destination = createFiles({ dir: join(dir, 'a', 'b') });
    await offerAll(destination, [deliveryEvent('a')]);
    expect(messageIds(join(dir, 'a', 'b', `${DAY}.ndjson`))).toStrictEqual(['a']);
  });

  it('takes the first events of one day at a time, by UTC', async () => {
    const events = Object.entries({
      a: '2026-02-28T23:59:59.999Z',
      b: '2026-03-01T00:00:00.000Z',
      c: '2026-03-01T01:30:00.000+02:00',
      d: '2026-03-01T00:00:00.001Z',
    }).map(([id, receivedAt]) => deliveryEvent(id, { receivedAt }));
    const { outcomes } = await offerAll(destination, events);
    expect(outcomes).toHaveLength(4);
    expect(messageIds(fileOf('2026-02-28'))).toStrictEqual(['a', 'c']);
    expect(messageIds(fileOf('2026-03-01'))).toStrictEqual(['b', 'd']);
  });

  it('appends to what it finds when it has no state', async () => {
    writeFileSync(fileOf(DAY), '{"messageId":"before"}\n');
    await offerAll(destination, [deliveryEvent('a')]);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['before', 'a']);
  });

  it('begins a line of its own behind one that is not ended', async () => {
    writeFileSync(fileOf(DAY), '{"messageId":"before"}');
    const { state } = await offerAll(destination, [deliveryEvent('a')]);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['before', 'a']);
    expect(state?.['offset']).toBe(readFileSync(fileOf(DAY)).length);
  });

  it('writes again what was not committed, whole or torn', async () => {
    const { state } = await offerAll(destination, [deliveryEvent('a')]);
    await deliver(state, deliveryEvent('b'), deliveryEvent('c'));
    truncateSync(fileOf(DAY), readFileSync(fileOf(DAY)).length - 7);
    await deliver(state, deliveryEvent('b'), deliveryEvent('c'));
    expect(messageIds(fileOf(DAY))).toStrictEqual(['a', 'b', 'c']);
  });

  it('removes what was not committed before its state names another day', async () => {
    const { state } = await offerAll(destination, [deliveryEvent('a')]);
    await deliver(state, deliveryEvent('b'));
    const other = deliveryEvent('c', { receivedAt: '2026-03-02T00:00:00.000Z' });
    const later = await offerAll(destination, [other], state);
    await offerAll(destination, [deliveryEvent('b')], later.state);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['a', 'b']);
  });

  it('restarts at the end of a file that was rotated away', async () => {
    const { state } = await offerAll(destination, [deliveryEvent('a'), deliveryEvent('b')]);
    rmSync(fileOf(DAY));
    const removed = await offerAll(destination, [deliveryEvent('c')], state);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['c']);
    truncateSync(fileOf(DAY), 0);
    appendFileSync(fileOf(DAY), '{"messageId":"mark"}\n');
    await offerAll(destination, [deliveryEvent('d')], removed.state);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['mark', 'd']);
  });

  it('touches nothing in a folder that its offset does not speak of', async () => {
    const elsewhere = join(dir, 'elsewhere');
    const { state } = await offerAll(createFiles({ dir: elsewhere }), [deliveryEvent('a')]);
    await offerAll(destination, [deliveryEvent('b'), deliveryEvent('c')]);
    appendFileSync(join(elsewhere, `${DAY}.ndjson`), '{"messageId":"another"}\n');
    await offerAll(destination, [deliveryEvent('d')], state);
    expect(messageIds(fileOf(DAY))).toStrictEqual(['b', 'c', 'd']);
    expect(messageIds(join(elsewhere, `${DAY}.ndjson`))).toStrictEqual(['a', 'another']);
  });

  it('starts over from a state that it cannot read', async () => {
    writeFileSync(fileOf(DAY), '{"messageId":"before"}\n');
    const { state } = await deliver({ day: DAY, offset: 'ten' }, deliveryEvent('a'));
    expect(state).toStrictEqual({ dir, day: DAY, offset: 23 });
  });

  it('keeps its state when it cannot write', async () => {
    const { state } = await offerAll(destination, [deliveryEvent('a')]);
    const kept = textOf(DAY);
    const gone = createFiles({ dir: fileOf(DAY) });
    const signal = new AbortController().signal;
    const result = await gone.deliver([deliveryEvent('b'), deliveryEvent('c')], {
      state: { ...state, dir: fileOf(DAY) },
      signal,
    });
    const failed = { kind: 'retry', code: 'WRITE_FAILED' };
    expect(result).toStrictEqual({ outcomes: [failed, failed] });
    expect(textOf(DAY)).toBe(kept);
  });
});
