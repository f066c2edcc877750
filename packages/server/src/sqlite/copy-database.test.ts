import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { copyDatabase } from './copy-database.ts';
import { sqliteDrivers } from './drivers.ts';
import { openSqlite } from './sqlite.ts';

it.each(sqliteDrivers())('copies what was committed and no more, beside a writer: $name', (driver) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-copy-'));
  const [path, to] = [join(folder, 'a.db'), join(folder, 'b.db')];
  const writer = openSqlite(path, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: 0 }, driver);
  try {
    writer.exec('CREATE TABLE t (x)');
    // In the write-ahead log only.
    writer.exec('INSERT INTO t VALUES (7)');
    writer.transaction('IMMEDIATE', () => {
      writer.exec('INSERT INTO t VALUES (8)');
      copyDatabase(path, to, driver);
    });
    const copy = openSqlite(to, { mode: 'read', busyTimeoutMs: 0 }, driver);
    expect(copy.prepare('SELECT x FROM t').all()).toStrictEqual([{ x: 7 }]);
    copy.close();
    expect(() => copyDatabase(path, to, driver)).toThrow(/already exists/);
  } finally {
    writer.close();
    rmSync(folder, { recursive: true });
  }
});
