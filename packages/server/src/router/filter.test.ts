import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '@millrace/spec';
import { filterOnReading } from './filter.ts';
import { rulesOf } from './filters/rules.ts';
import { destinationOf, trackEvent } from './test-rig.ts';

const NOW_MS = Date.parse('2026-01-10T00:00:00.000Z');
const tracks = destinationOf(async () => ({ outcomes: [] }), { name: 'Tool', accepts: ['track'] });

const throwing = (): boolean => {
  throw new Error('mistake');
};

describe('the filter of what is read', () => {
  it('asks types first, then integrations, then the age, then the rules', () => {
    const rules = rulesOf([{ action: 'drop', when: 'event = "Ping"' }]);
    const codeOf = filterOnReading('tool', tracks, { rules, maxEventAgeMs: 1_000 });
    const event = { event: 'Ping', timestamp: '2026-01-09T23:59:58.999Z', integrations: { Tool: false } };
    expect(codeOf(trackEvent('a', { ...event, type: 'page' }), NOW_MS)).toBe('UNSUPPORTED_EVENT_TYPE');
    expect(codeOf(trackEvent('b', event), NOW_MS)).toBe('FILTERED_BY_INTEGRATIONS_OBJECT');
    expect(codeOf(trackEvent('c', { ...event, integrations: { tool: true } }), NOW_MS)).toBe(
      'TOO_OLD_FOR_DESTINATION',
    );
    const young = { ...event, integrations: {}, timestamp: '2026-01-09T23:59:59.000Z' };
    expect(codeOf(trackEvent('d', young), NOW_MS)).toBe('FILTERED_BY_RULES');
    expect(codeOf(trackEvent('e', { ...young, event: 'Ordered' }), NOW_MS)).toBeUndefined();
  });

  it('goes by when an event happened, not by when it was received', () => {
    const codeOf = filterOnReading('tool', tracks, { maxEventAgeMs: 86_400_000 });
    const receivedAt = '2026-01-10T00:00:00.000Z';
    const imported = trackEvent('old', { timestamp: '2025-01-01T00:00:00.000Z', receivedAt });
    expect(codeOf(imported, NOW_MS)).toBe('TOO_OLD_FOR_DESTINATION');
    const ahead = trackEvent('ahead', { timestamp: '2027-01-01T00:00:00.000Z', receivedAt });
    expect(codeOf(ahead, NOW_MS)).toBeUndefined();
  });

  it('lets go on what a rule throws of: it is found out where it is sent', () => {
    const codeOf = filterOnReading('tool', tracks, { rules: rulesOf([{ action: 'drop', when: throwing }]) });
    expect(codeOf(trackEvent('a'), NOW_MS)).toBeUndefined();
  });

  it.each(EVENT_TYPES)('keeps nothing back of itself: %s', (type) => {
    const all = destinationOf(async () => ({ outcomes: [] }));
    expect(filterOnReading('all', all)(trackEvent('a', { type }), NOW_MS)).toBeUndefined();
  });
});
