import { describe, expect, it } from 'vitest';
import type { LogRange } from './log.ts';
import {
  planRetention,
  type RetentionFacts,
  type RetentionOptions,
  type RetentionPlan,
} from './retention.ts';

const options: RetentionOptions = {
  retainMs: 100,
  maxBytes: 1_000,
  minFreeDiskBytes: 50,
  onFull: 'refuse',
};

/** Ranges of 10 positions and 100 bytes, made every 100 ms, the last one open. */
function ranges(count: number, partition = 0): LogRange[] {
  return Array.from({ length: count }, (_, i) => ({
    partition,
    from: i * 10,
    to: i === count - 1 ? undefined : i * 10 + 10,
    createdAtMs: i * 100,
    bytes: 100,
  }));
}

const nothing: RetentionPlan = { before: {}, losers: [], refuse: undefined };
const lost = (before: number, partition = 0) => [{ destinationId: 'hook', partition, before }];

describe('what of the log is given up', () => {
  it.each<[string, Partial<RetentionFacts>, Partial<RetentionOptions>, RetentionPlan]>([
    ['nothing of an empty log', { ranges: [] }, {}, nothing],
    ['never the open range', { ranges: ranges(1), nowMs: 1e9, freeDiskBytes: 60 }, {}, nothing],
    ['nothing that is young', { nowMs: 199 }, {}, nothing],
    ['what is old, from its sealing on', { nowMs: 200 }, {}, { ...nothing, before: { 0: 10 } }],
    ['all that is old', { nowMs: 1e9 }, {}, { ...nothing, before: { 0: 30 } }],
    ['nothing that is needed', { nowMs: 1e9, needs: { hook: { 0: 0 } } }, {}, nothing],
    [
      'what is old as far as nobody needs it',
      { nowMs: 1e9, needs: { hook: { 0: 29 }, disk: { 0: 35 } } },
      {},
      { ...nothing, before: { 0: 20 } },
    ],
    [
      'a range that ends where a destination goes on',
      { nowMs: 1e9, needs: { hook: { 0: 30 } } },
      {},
      { ...nothing, before: { 0: 30 } },
    ],
    ['what is young, where it is too much', {}, { maxBytes: 250 }, { ...nothing, before: { 0: 20 } }],
    ['no more than is too much', {}, { maxBytes: 399 }, { ...nothing, before: { 0: 10 } }],
    ['nothing at the bound itself', {}, { maxBytes: 400 }, nothing],
    ['what is young, where the disk is full', { freeDiskBytes: 40 }, {}, { ...nothing, before: { 0: 10 } }],
    [
      'nothing that is needed at the bound, and refuses',
      { needs: { hook: { 0: 5 } } },
      { maxBytes: 250 },
      { ...nothing, refuse: 'maxBytes' },
    ],
    [
      'nothing that is needed on a full disk, and refuses',
      { needs: { hook: { 0: 5 } }, freeDiskBytes: 0 },
      {},
      { ...nothing, refuse: 'minFreeDiskBytes' },
    ],
    [
      'what is needed too, if that is wanted, and says who loses it',
      { needs: { hook: { 0: 5 }, disk: { 0: 40 } } },
      { maxBytes: 250, onFull: 'drop-oldest' },
      { ...nothing, before: { 0: 20 }, losers: lost(20) },
    ],
    [
      'nothing that is needed for its age alone, whatever is wanted at a bound',
      { nowMs: 1e9, needs: { hook: { 0: 5 } } },
      { onFull: 'drop-oldest' },
      nothing,
    ],
    [
      'all but the open range on a disk that others fill, and refuses',
      { needs: { hook: { 0: 5 } }, freeDiskBytes: 0 },
      { minFreeDiskBytes: 1_000, onFull: 'drop-oldest' },
      { before: { 0: 30 }, losers: lost(30), refuse: 'minFreeDiskBytes' },
    ],
    [
      'of each partition what is needed there is kept',
      { ranges: [...ranges(4), ...ranges(3, 1)], nowMs: 1e9, needs: { hook: { 0: 5, 1: 20 } } },
      {},
      { ...nothing, before: { 1: 20 } },
    ],
  ])('%s', (_, facts, changed, expected) => {
    const given = { ranges: ranges(4), nowMs: 0, freeDiskBytes: 100, needs: {}, ...facts };
    expect(planRetention(given, { ...options, ...changed })).toEqual(expected);
  });
});
