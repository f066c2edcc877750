import { createRequire } from 'node:module';

/** A SQLite that this runtime can use. What differs between them ends here and in `sqlite.ts`. */
export interface SqliteDriver {
  name: 'node:sqlite' | 'libsql';
  open(path: string): DriverDatabase;
}

export interface DriverDatabase {
  exec(sql: string): void;
  prepare(sql: string): DriverStatement;
  close(): void;
}

export interface DriverStatement {
  run(params: readonly DriverValue[]): void;
  all(params: readonly DriverValue[]): readonly object[];
}

export type DriverValue = string | number | Buffer | null;

/** The runtime has no SQLite, nor is there one installed. */
export class SqliteUnavailableError extends Error {
  override readonly name = 'SqliteUnavailableError';
  readonly code = 'sqlite_unavailable';
}

/** What this runtime can use, best first. */
export function sqliteDrivers(): SqliteDriver[] {
  return [builtInDriver(), libsqlDriver()].filter((driver) => driver !== undefined);
}

/** @throws {SqliteUnavailableError} There is none. */
export function preferredDriver(drivers: readonly SqliteDriver[]): SqliteDriver {
  if (drivers[0]) return drivers[0];
  throw new SqliteUnavailableError(
    `Node ${process.versions.node} has no built-in SQLite and the optional package libsql is not installed: ` +
      'run "npm install libsql", or use Node 22.13 or newer',
  );
}

interface BuiltInModule {
  DatabaseSync: new (path: string) => {
    exec(sql: string): void;
    close(): void;
    prepare(sql: string): {
      run(...params: readonly DriverValue[]): unknown;
      all(...params: readonly DriverValue[]): object[];
    };
  };
}

function builtInDriver(): SqliteDriver | undefined {
  const module = withoutSqliteWarning(() => process.getBuiltinModule('node:sqlite')) as
    BuiltInModule | undefined;
  if (!module) return undefined;
  return {
    name: 'node:sqlite',
    open(path) {
      const database = new module.DatabaseSync(path);
      return {
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
        prepare(sql) {
          const statement = database.prepare(sql);
          return {
            run: (params) => void statement.run(...params),
            all: (params) => statement.all(...params),
          };
        },
      };
    },
  };
}

/** Node warns once, when the module is loaded, that it is experimental; all other warnings pass. */
function withoutSqliteWarning<T>(load: () => T): T {
  const emitWarning = process.emitWarning.bind(process);
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  process.emitWarning = (...args: unknown[]): void => {
    const [warning, type] = args;
    if (type === 'ExperimentalWarning' && String(warning).startsWith('SQLite')) return;
    Reflect.apply(emitWarning, undefined, args);
  };
  try {
    return load();
  } finally {
    if (own) Object.defineProperty(process, 'emitWarning', own);
  }
}

type LibsqlModule = new (path: string) => {
  exec(sql: string): void;
  close(): void;
  prepare(sql: string): {
    run(params: readonly DriverValue[]): unknown;
    all(params: readonly DriverValue[]): object[];
  };
};

function libsqlDriver(): SqliteDriver | undefined {
  const Database = loadLibsql();
  if (!Database) return undefined;
  return {
    name: 'libsql',
    open(path) {
      const database = new Database(path);
      return {
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
        prepare(sql) {
          const statement = database.prepare(sql);
          // Always one array: a lone buffer or object in its place aborts the process.
          return {
            run: (params) => void statement.run(params),
            all: (params) => statement.all(params),
          };
        },
      };
    },
  };
}

function loadLibsql(): LibsqlModule | undefined {
  try {
    return createRequire(import.meta.url)('libsql') as LibsqlModule;
  } catch {
    // An optional dependency: not installed, or not made for this platform.
    return undefined;
  }
}
