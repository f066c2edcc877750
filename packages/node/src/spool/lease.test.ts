import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptFolders } from './adoption.ts';
import { nodeDisk } from './disk.ts';
import { acquireLease, assertSocketsFit, isAbandoned, LEASE_FILE, ownerOf, type Lease } from './lease.ts';

const owner = ownerOf('KEY', 'http://h/v1/batch');
let dir: string;
let held: Lease[];
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'mr-lease-'));
  held = [];
});
afterEach(() => {
  for (const lease of held) lease.release();
  rmSync(dir, { recursive: true });
});

function acquire(): Lease {
  const lease = acquireLease(nodeDisk, dir, owner);
  held.push(lease);
  return lease;
}

/** A folder as a dead client leaves it. */
function leave(id: string, whose = owner, names: string[] = ['000000000000001-0123abcd.spool']): string {
  const folder = path.join(dir, id);
  mkdirSync(folder);
  writeFileSync(path.join(folder, LEASE_FILE), JSON.stringify({ version: 1, pid: 1, ...whose }));
  for (const name of names) writeFileSync(path.join(folder, name), 'x');
  return folder;
}

async function adopt(lease: Lease): Promise<string[]> {
  const files: string[] = [];
  for await (const some of adoptFolders(dir, lease, owner)) files.push(...some);
  return files.map((file) => path.relative(lease.folder, file));
}

describe('a lease', () => {
  it('is alive until it is released, and leaves nothing behind when there was nothing in it', async () => {
    const lease = acquireLease(nodeDisk, dir, owner);
    expect(await isAbandoned(dir, lease.id)).toBe(false);
    expect(readdirSync(dir).toSorted()).toEqual([lease.id, `${lease.id}.sock`]);
    lease.release();
    expect(readdirSync(dir)).toEqual([]);
    expect(await isAbandoned(dir, lease.id)).toBe(true);
  });

  it('lets nobody else on the machine read the events, and does not hold the write key', () => {
    const lease = acquire();
    expect(statSync(lease.folder).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(lease.folder, LEASE_FILE)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(ownerOf('SECRET', 'http://h'))).not.toContain('SECRET');
  });

  it('refuses a folder whose sockets could not be reached', () => {
    const limit = 103 - '/00000000.sock'.length;
    expect(() => assertSocketsFit('/'.padEnd(limit, 'd'))).not.toThrow();
    expect(() => assertSocketsFit('/'.padEnd(limit + 1, 'd'))).toThrow(
      expect.objectContaining({ code: 'SPOOL_PATH_TOO_LONG' }),
    );
  });

  it('throws when the folder cannot be made', () => {
    writeFileSync(path.join(dir, 'file'), '');
    expect(() => acquireLease(nodeDisk, path.join(dir, 'file'), owner)).toThrow(/EEXIST|ENOTDIR/);
  });
});

describe('adoption', () => {
  it('takes the folders of the dead, also of those that a dead adopter had taken', async () => {
    const folder = leave('aaaaaaaa', owner, ['000000000000003-aaaaaaaa.spool']);
    writeFileSync(path.join(dir, 'aaaaaaaa.sock'), '');
    mkdirSync(path.join(folder, 'bbbbbbbb'));
    writeFileSync(path.join(folder, 'bbbbbbbb', '000000000000001-bbbbbbbb.spool'), 'x');
    const lease = acquire();
    expect(await adopt(lease)).toEqual(['000000000000001-bbbbbbbb.spool', '000000000000003-aaaaaaaa.spool']);
    expect(readdirSync(dir).toSorted()).toEqual([lease.id, `${lease.id}.sock`]);
  });

  it.each([
    ['another host', { ...owner, hostname: 'elsewhere' }],
    ['another write key', ownerOf('OTHER', 'http://h/v1/batch')],
    ['another address', ownerOf('KEY', 'http://other/v1/batch')],
  ])('leaves what belongs to %s', async (_, whose) => {
    leave('aaaaaaaa', whose);
    expect(await adopt(acquire())).toEqual([]);
    expect(existsSync(path.join(dir, 'aaaaaaaa'))).toBe(true);
  });

  it('leaves what another client of this process holds', async () => {
    const other = acquire();
    writeFileSync(path.join(other.folder, '000000000000001-0123abcd.spool'), 'x');
    expect(await adopt(acquire())).toEqual([]);
  });

  it('has one winner when several try', async () => {
    for (let at = 0; at < 16; at += 1) {
      leave(`0000000${at.toString(16)}`, owner, [`00000000000000${at % 10}-0000000${at.toString(16)}.spool`]);
    }
    const leases = [acquire(), acquire(), acquire(), acquire()];
    const taken = await Promise.all(leases.map(adopt));
    expect(taken.flat()).toHaveLength(16);
    expect(readdirSync(dir)).toHaveLength(8);
  });
});
