import { describe, expect, it } from 'vitest';
import { joined, StoredPlaces } from './stored-places.ts';

describe('places that only the disk has', () => {
  it('are one range as long as nothing divides them', () => {
    const stored = new StoredPlaces();
    for (let from = 3; from < 9; from += 1) stored.add({ from, end: from + 1 });
    expect([stored.first, stored.count]).toEqual([{ from: 3, end: 9, isTold: false }, 6]);
    stored.takeUpTo(5);
    expect([stored.first, stored.count]).toEqual([{ from: 5, end: 9, isTold: false }, 4]);
    stored.takeUpTo(9);
    expect([stored.first, stored.count]).toEqual([undefined, 0]);
  });

  it('are told of once, and those that come later again', () => {
    const stored = new StoredPlaces();
    stored.add({ from: 0, end: 4 });
    expect(stored.tell()).toEqual([{ from: 0, end: 4 }]);
    stored.add({ from: 4, end: 6 });
    expect(stored.tell()).toEqual([{ from: 4, end: 6 }]);
    expect(stored.tell()).toEqual([]);
    expect([stored.first, stored.count]).toEqual([{ from: 0, end: 4, isTold: true }, 6]);
  });

  it('can be taken from the middle, within a range', () => {
    const stored = new StoredPlaces();
    stored.add({ from: 0, end: 9 });
    expect(stored.take({ from: 3, end: 5 })).toEqual({ from: 0, end: 9, isTold: false });
    expect(stored.take({ from: 2, end: 6 })).toBeUndefined();
    expect(stored.count).toBe(7);
    expect(stored.tell()).toEqual([
      { from: 0, end: 3 },
      { from: 5, end: 9 },
    ]);
  });

  it('are joined where they follow each other', () => {
    const ranges = [1, 2, 4, 5, 7].map((from) => ({ from, end: from + 1 }));
    expect(joined(ranges)).toEqual([
      { from: 1, end: 3 },
      { from: 4, end: 6 },
      { from: 7, end: 8 },
    ]);
  });
});
