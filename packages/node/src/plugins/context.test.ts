import { describe, expect, it } from 'vitest';
import { Cancellation, Context } from './context.ts';

describe('updateEvent', () => {
  it.each<[object, string, object]>([
    [{}, 'userId', { userId: 7 }],
    [{}, 'properties.plan.name', { properties: { plan: { name: 7 } } }],
    [{ properties: { a: 1 } }, 'properties.b', { properties: { a: 1, b: 7 } }],
    [{ properties: 'text' }, 'properties.b', { properties: { b: 7 } }],
    [{ list: [{ a: 1 }] }, 'list.0.a', { list: [{ a: 7 }] }],
    [{ integrations: { A: true } }, 'integrations.A', { integrations: { A: 7 } }],
  ])('sets in %j the path %s', (event, path, expected) => {
    const ctx = new Context({ ...event });
    expect(ctx.updateEvent(path, 7)).toBe(ctx.event);
    expect(ctx.event).toEqual(expected);
  });

  it('does not switch on an integration that the event switches off', () => {
    const ctx = new Context({ integrations: { A: false } });
    ctx.updateEvent('integrations.A', true);
    ctx.updateEvent('integrations.A.key', 'k');
    expect(ctx.event).toEqual({ integrations: { A: false } });
  });

  it('reaches nothing that other objects share', () => {
    const ctx = new Context({});
    ctx.updateEvent('__proto__.polluted', true);
    ctx.updateEvent('constructor.prototype.polluted', true);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('cancel', () => {
  it.each<[string | Error | undefined, string]>([
    [undefined, 'no reason given'],
    ['no consent', 'no consent'],
    [new Error('no consent'), 'no consent'],
  ])('throws for the reason %s', (reason, words) => {
    const cancel = (): never => new Context({}).cancel(reason);
    expect(cancel).toThrow(Cancellation);
    expect(cancel).toThrow(words);
  });
});
