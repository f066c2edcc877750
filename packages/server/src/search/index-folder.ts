import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogRange } from '../log/log.ts';
import { preferredDriver, sqliteDrivers, type SqliteDriver } from '../sqlite/drivers.ts';
import { lookUp, type SealedRange } from './index-file.ts';
import type { CandidateQuery, Candidates } from './search.ts';

export interface IndexFolderOptions {
  dir: string;
  /** A file that cannot be used is told of once. */
  onUnusable: (name: string, error: unknown) => void;
  driver?: SqliteDriver;
}

/** Looks up sealed ranges in the files that the router has made. */
export interface IndexFolder {
  /** Undefined where there is no file, or none that can be used. */
  lookUp(range: LogRange, query: CandidateQuery): Candidates | undefined;
}

/** @throws {SqliteUnavailableError} There is no driver for this runtime. */
export function openIndexFolder({ dir, onUnusable, driver }: IndexFolderOptions): IndexFolder {
  const sqlite = driver ?? preferredDriver(sqliteDrivers());
  const unusable = new Set<string>();
  return {
    lookUp(range, query) {
      if (!isSealed(range)) return undefined;
      const name = indexName(range);
      const path = join(dir, name);
      // SQLite would make a file that is missing.
      if (!existsSync(path)) {
        unusable.delete(name);
        return undefined;
      }
      try {
        return lookUp(path, range, query, sqlite);
      } catch (error) {
        if (!unusable.has(name)) onUnusable(name, error);
        unusable.add(name);
        return undefined;
      }
    },
  };
}

export function isSealed(range: LogRange): range is SealedRange {
  return range.to !== undefined;
}

/** For example `0-000000000412345.db`. */
export function indexName({ partition, from }: Pick<LogRange, 'partition' | 'from'>): string {
  return `${partition}-${String(from).padStart(15, '0')}.db`;
}

/** Undefined for a name that is none of {@link indexName}. */
export function placeOfIndexName(name: string): Pick<LogRange, 'partition' | 'from'> | undefined {
  const [, partition, from] = /^(\d+)-(\d{15})\.db$/.exec(name) ?? [];
  return from === undefined ? undefined : { partition: Number(partition), from: Number(from) };
}
