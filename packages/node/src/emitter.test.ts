import { describe, expect, it, onTestFinished } from 'vitest';
import { Emitter } from './emitter.ts';

interface Events {
  said: [word: string];
  done: [];
}

describe('an emitter', () => {
  it('calls listeners in the order in which they were added', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    emitter.on('said', (word) => heard.push(`first ${word}`));
    emitter.on('said', (word) => heard.push(`second ${word}`));
    emitter.emit('said', 'a');
    emitter.emit('done');
    expect(heard).toEqual(['first a', 'second a']);
  });

  it('knows whether anybody listens', () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    const listener = (): void => void (calls += 1);
    emitter.on('done', listener);
    expect([emitter.has('done'), emitter.has('said')]).toEqual([true, false]);
    emitter.off('done', listener);
    emitter.emit('done');
    expect([emitter.has('done'), calls]).toEqual([false, 0]);
  });

  it('calls a listener for the first event only, even if that event is emitted again meanwhile', () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    emitter.on(
      'done',
      () => {
        calls += 1;
        emitter.emit('done');
      },
      true,
    );
    emitter.emit('done');
    emitter.emit('done');
    expect(calls).toBe(1);
  });

  it('calls those of now: neither removing nor adding one meanwhile makes it skip another', () => {
    const emitter = new Emitter<Events>();
    const heard: string[] = [];
    const first = (): void => {
      heard.push('first');
      emitter.off('done', first);
      emitter.on('done', () => heard.push('late'));
    };
    emitter.on('done', first);
    emitter.on('done', () => heard.push('second'));
    emitter.emit('done');
    expect(heard).toEqual(['first', 'second']);
  });

  it('removes one of two equal listeners', () => {
    const emitter = new Emitter<Events>();
    let calls = 0;
    const listener = (): void => void (calls += 1);
    emitter.on('done', listener);
    emitter.on('done', listener);
    emitter.off('done', listener);
    emitter.emit('done');
    expect(calls).toBe(1);
  });

  it('calls the others when one throws; that surfaces afterwards', async () => {
    const emitter = new Emitter<Events>();
    const uncaught = new Promise((resolve) => {
      const others = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.once('uncaughtException', resolve);
      onTestFinished(() => others.forEach((listener) => void process.on('uncaughtException', listener)));
    });
    let called = false;
    emitter.on('done', () => {
      throw new Error('of the program');
    });
    emitter.on('done', () => {
      called = true;
    });
    emitter.emit('done');
    expect(called).toBe(true);
    expect(await uncaught).toMatchObject({ message: 'of the program' });
  });

  it('refuses what cannot be called', () => {
    expect(() => new Emitter<Events>().on('done', undefined as never)).toThrow(
      'A listener must be a function.',
    );
  });
});
