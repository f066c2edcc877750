import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acquireLock, isLockHeld, LockHeldError, takeOverLock } from './lock.ts';

const LONG_MS = 20_000;
const LOAD = `
  const { createJiti } = await import('jiti');
  const { acquireLock } = await createJiti(import.meta.url).import('./lock.ts');
`;

/** Holds the lock, deaf to polite signals, until it is killed or told to let go. */
const HOLD = `${LOAD}
  const lock = await acquireLock(process.argv[1], { waitMs: ${LONG_MS} });
  process.on('SIGTERM', () => undefined);
  process.on('message', () => { lock.release(); process.send('released'); });
  process.send('held');
`;

/** Enters and leaves a few times, says so in a shared file, and dies holding the lock. */
const CONTEND = `${LOAD}
  const { appendFileSync } = await import('node:fs');
  const [, path, journal] = process.argv;
  for (let round = 1; ; round++) {
    const lock = await acquireLock(path, { waitMs: ${LONG_MS} });
    appendFileSync(journal, 'enter ' + process.pid + '\\n');
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    appendFileSync(journal, 'leave ' + process.pid + '\\n');
    if (round === 6) process.kill(process.pid, 'SIGKILL');
    lock.release();
  }
`;

describe('a lock', { timeout: 60_000 }, () => {
  let folder: string;
  let path: string;
  let children: ChildProcess[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
    path = join(folder, 'router.lock');
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    rmSync(folder, { recursive: true });
  });

  function run(script: string, ...args: string[]): ChildProcess {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script, ...args], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  }

  async function holder(): Promise<ChildProcess> {
    const child = run(HOLD, path);
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    expect(said).toBe('held');
    return child;
  }

  const record = (): unknown => JSON.parse(readFileSync(`${path}.json`, 'utf8'));

  it('is held by one process, which the other one names', async () => {
    const child = await holder();
    expect(record()).toMatchObject({ pid: child.pid });
    await expect(acquireLock(path, { waitMs: 0 })).rejects.toMatchObject({
      code: 'lock_held',
      holderPid: child.pid,
      message: `router.lock is held by process ${child.pid}`,
    });
  });

  it('cannot be taken twice in one process', async () => {
    const lock = await acquireLock(path, { waitMs: 0 });
    await expect(acquireLock(path, { waitMs: 0 })).rejects.toMatchObject({ holderPid: process.pid });
    lock.release();
  });

  it('is free once it is released, and released once', async () => {
    const first = await acquireLock(path, { waitMs: 0 });
    first.release();
    expect(existsSync(`${path}.json`)).toBe(false);
    const second = await acquireLock(path, { waitMs: 0 });
    first.release();
    expect(record()).toMatchObject({ pid: process.pid });
    await expect(acquireLock(path, { waitMs: 0 })).rejects.toThrow(LockHeldError);
    second.release();
  });

  it('is free once its holder is killed', async () => {
    await kill(await holder());
    const lock = await acquireLock(path, { waitMs: LONG_MS });
    expect(record()).toMatchObject({ pid: process.pid });
    lock.release();
  });

  it('is waited for', async () => {
    const child = await holder();
    const acquired = acquireLock(path, { waitMs: LONG_MS });
    child.send('let go');
    const lock = await acquired;
    expect(record()).toMatchObject({ pid: process.pid });
    lock.release();
  });

  it('leaves nothing in its file, nor a journal beside it', async () => {
    const lock = await acquireLock(path, { waitMs: 0 });
    expect(readFileSync(path)).toHaveLength(0);
    expect(existsSync(`${path}-journal`)).toBe(false);
    lock.release();
  });

  it('is never held by two, while holders let go and die', async () => {
    const journal = join(folder, 'journal');
    const contenders = [1, 2, 3].map(() => run(CONTEND, path, journal));
    await Promise.all(contenders.map((child) => once(child, 'exit')));
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(3 * 6 * 2);
    for (let index = 0; index < lines.length; index += 2) {
      expect(lines[index + 1]).toBe(lines[index]?.replace('enter', 'leave'));
    }
  });

  describe('looked at', () => {
    it('is not held where there is no file, and makes none', () => {
      expect(isLockHeld(path)).toBe(false);
      expect(existsSync(path)).toBe(false);
    });

    it('is held by another process until that lets go', async () => {
      const child = await holder();
      expect(isLockHeld(path)).toBe(true);
      child.send('let go');
      await once(child, 'message');
      expect(isLockHeld(path)).toBe(false);
    });

    it('is not held by a process that was killed', async () => {
      await kill(await holder());
      expect(isLockHeld(path)).toBe(false);
    });

    it('is taken from nobody, and by nobody', async () => {
      const child = await holder();
      expect(isLockHeld(path)).toBe(true);
      await expect(acquireLock(path, { waitMs: 0 })).rejects.toMatchObject({ holderPid: child.pid });
      await kill(child);
      expect(isLockHeld(path)).toBe(false);
      (await acquireLock(path, { waitMs: 0 })).release();
    });

    it('says what is no lock file', () => {
      writeFileSync(path, 'something else, which is longer than a hundred bytes '.repeat(20));
      expect(() => isLockHeld(path)).toThrow(/not a database/i);
    });
  });

  describe('taken over', () => {
    it('ends a holder that does not let go', async () => {
      const child = await holder();
      const ended = once(child, 'exit');
      const lock = await takeOverLock(path, { waitMs: 0 });
      expect(await ended).toStrictEqual([null, 'SIGKILL']);
      expect(record()).toMatchObject({ pid: process.pid });
      lock.release();
    });

    it('leaves a holder alone that lets go in time', async () => {
      const child = await holder();
      const acquired = takeOverLock(path, { waitMs: LONG_MS });
      child.send('let go');
      (await acquired).release();
      expect(child.signalCode).toBeNull();
    });

    it('ends nobody when the lock is free, whatever the record says', async () => {
      const stranger = run('setInterval(() => undefined, 1_000)');
      writeFileSync(`${path}.json`, JSON.stringify({ pid: stranger.pid }));
      (await takeOverLock(path, { waitMs: 0 })).release();
      expect(stranger.signalCode).toBeNull();
    });

    it.skipIf(process.platform !== 'linux')(
      'spares a stranger with the number of a holder that died',
      async () => {
        const child = await holder();
        const stranger = run('setInterval(() => undefined, 1_000)');
        writeFileSync(`${path}.json`, JSON.stringify({ pid: stranger.pid, startedAt: '1' }));
        await expect(takeOverLock(path, { waitMs: 0 })).rejects.toMatchObject({ holderPid: undefined });
        expect([child.signalCode, stranger.signalCode]).toStrictEqual([null, null]);
      },
    );

    it.each(['', 'null', '{}', '{"pid":0}', '{"pid":-1}'])(
      'ends nobody for the record "%s"',
      async (text) => {
        const child = await holder();
        writeFileSync(`${path}.json`, text);
        await expect(takeOverLock(path, { waitMs: 0 })).rejects.toThrow(
          'router.lock is held by another process',
        );
        expect(child.signalCode).toBeNull();
      },
    );

    it('never ends the process that asks', async () => {
      const lock = await acquireLock(path, { waitMs: 0 });
      await expect(takeOverLock(path, { waitMs: 0 })).rejects.toMatchObject({ holderPid: process.pid });
      lock.release();
    });
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
