import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integrationVerdict } from './integrations.ts';

const target = { id: 'mixpanel-eu', name: 'Mixpanel (Actions)', aliases: ['Mixpanel'] };
const send = { send: true };
const block = { send: false, code: 'FILTERED_BY_INTEGRATIONS_OBJECT' };
const bundled = { send: false, code: 'MESSAGE_SENT_CLIENT_SIDE' };

describe('integrationVerdict', () => {
  it.each([
    [undefined, send],
    [null, send],
    ['all', send],
    [[], send],
    [{}, send],
    [{ All: true }, send],
    [{ All: false }, block],
    [{ All: false, Mixpanel: true }, send],
    [{ All: false, 'Mixpanel (Actions)': true }, send],
    [{ All: false, 'mixpanel-eu': true }, send],
    [{ Mixpanel: false }, block],
    [{ mixpanel: false }, send],
    [{ 'mixpanel-eu': true, 'Mixpanel (Actions)': false }, send],
    [{ 'mixpanel-eu': false, 'Mixpanel (Actions)': true }, block],
    [{ 'Mixpanel (Actions)': false, Mixpanel: true }, block],
    [{ Mixpanel: 'yes', All: false }, block],
    [{ Mixpanel: null, All: true }, send],
    [{ 'Segment.io': false }, send],
    [{ Amplitude: false }, send],
    [{ Mixpanel: { token: 't' } }, { send: true, options: { token: 't' } }],
    [
      { All: false, Mixpanel: {} },
      { send: true, options: {} },
    ],
  ])('answers %j with %j', (integrations, verdict) => {
    expect(integrationVerdict({ integrations }, target)).toEqual(verdict);
  });

  it('does not take what an object inherits for a key', () => {
    const event = { integrations: {} };
    expect(integrationVerdict(event, { id: 'constructor', name: 'toString' })).toEqual(send);
  });

  it.each([['Mixpanel'], ['Mixpanel (Actions)']])('skips what the browser sent as %s', (name) => {
    const event = { integrations: { All: true }, _metadata: { bundled: ['Other', name] } };
    expect(integrationVerdict(event, target)).toEqual(bundled);
  });

  it('does not take an instance id for a name that the browser sent to', () => {
    expect(integrationVerdict({ _metadata: { bundled: ['mixpanel-eu'] } }, target)).toEqual(send);
  });

  it.each([
    [{ bundled: [], unbundled: ['Mixpanel'] }, send],
    [{ unbundled: ['Mixpanel (Actions)'] }, send],
    [{ bundled: 'Mixpanel' }, send],
    [{ bundled: [{ name: 'Mixpanel' }, null] }, send],
    [{ bundled: ['mixpanel'] }, send],
    [{ bundled: ['Mixpanel'], unbundled: ['Mixpanel'] }, bundled],
    [['Mixpanel'], send],
    [null, send],
  ])('answers a browser that says %j with %j', (_metadata, verdict) => {
    expect(integrationVerdict({ _metadata }, target)).toEqual(verdict);
  });

  it.each([[{ All: true, Mixpanel: true }], [{ 'mixpanel-eu': true }]])(
    'sends no second copy of what the browser sent, whatever is asked for: %j',
    (integrations) => {
      expect(integrationVerdict({ integrations, _metadata: { bundled: ['Mixpanel'] } }, target)).toEqual(
        bundled,
      );
    },
  );

  it('gives storage everything', () => {
    const event = { integrations: { All: false, Files: false }, _metadata: { bundled: ['Files'] } };
    expect(integrationVerdict(event, { id: 'files', name: 'Files', storage: true })).toEqual(send);
  });

  it('answers whatever an event holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (integrations, _metadata) => {
        expect(typeof integrationVerdict({ integrations, _metadata }, target).send).toBe('boolean');
      }),
    );
  });
});
