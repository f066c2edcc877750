import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { createJiti } from 'jiti';
import { z } from 'zod';
import { isJsonObject, type JsonObject } from '@millrace/spec';
import { destinationKinds, routingShape, type DestinationKind } from './destinations/index.ts';
import type { DestinationConfig } from './destinations/destination.ts';

export interface SourceConfig {
  /** Lower-case letters, digits and dashes; at most 64 characters; unique. Part of the deduplication key: keep it. */
  id: string;
  /** Shown in the console. */
  name: string;
  /** What SDKs authenticate with; 1 to 256 visible ASCII characters, no colon; unique. */
  writeKey: string;
}

/** What a config file exports. */
export interface UserConfig {
  /** `millrace dev` without any accepts every write key; `millrace start` needs at least one. */
  sources?: SourceConfig[];
  destinations?: DestinationConfig[];
  /** Where browsers find the Tracking API, such as `https://events.example.com`. Default: as each request found it. */
  publicUrl?: string;
  /**
   * Whose `X-Forwarded-…` headers are believed: true for everyone's, or addresses and networks.
   * Default false: the address that a browser's event comes from is that of the connection.
   */
  trustProxy?: boolean | string | string[];
  /** How the log is divided, how long and how much of it is kept, and how far back duplicates are found. */
  log?: Partial<LogConfig>;
}

/** Sizes in bytes, times in milliseconds. */
export interface LogConfig {
  /** Of one segment file. Default 256 MB; 4 KB to 4 GB. */
  segmentMaxBytes: number;
  /** A segment is closed by the first event that comes so long after it was made. Default 1 hour; 1 second to 1 day. */
  segmentMaxAgeMs: number;
  /** For so long after an event a duplicate of it is found. Default 24 hours; 1 minute to 30 days. */
  dedupeWindowMs: number;
  /** What duplicates are found by has so much memory. Default 256 MB; 16 MB to 64 GB. */
  dedupeMaxMemoryBytes: number;
  /**
   * What every enabled destination has had is given up so long after its segment was closed. Default 7 days; 1 minute
   * to 10 years.
   */
  retainMs: number;
  /**
   * All segment files together; beyond it the oldest are given up before their time. Checked when one is closed, so it
   * is passed by one segment at most. Default 50 GB; at least twice `segmentMaxBytes`.
   */
  maxBytes: number;
  /** So much of the disk is left free, for the ledger and what duplicates are found by. Default 1 GB; 0 does not look. */
  minFreeDiskBytes: number;
  /**
   * At `maxBytes` or `minFreeDiskBytes`, where a destination still needs what is oldest. `refuse`, the default: new
   * events are answered 503 until it has had it. `drop-oldest`: it loses it, counted as `EXPIRED_BEFORE_DELIVERY`.
   */
  onFull: 'refuse' | 'drop-oldest';
}

export interface Config {
  sources: SourceConfig[];
  destinations: DestinationConfig[];
  publicUrl?: string | undefined;
  trustProxy?: boolean | string | string[] | undefined;
  log: LogConfig;
}

/** The config cannot be used; the message names each mistake and holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Types a config file; the checks run when the server loads it. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}

const CONFIG_NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((extension) => `millrace.config.${extension}`);

/** The config file of a folder, or undefined where there is none. */
export function findConfigFile(folder: string): string | undefined {
  return CONFIG_NAMES.map((name) => join(folder, name)).find((file) => existsSync(file));
}

/**
 * Evaluates a config file and checks all of it.
 * @throws {ConfigError} It cannot be read, throws, or holds a mistake.
 */
export async function loadConfig(file: string | undefined): Promise<Config> {
  if (file === undefined) return checkConfig({}, '', '.');
  const path = resolve(file);
  return checkConfig(await evaluate(path), basename(path), dirname(path));
}

async function evaluate(path: string): Promise<unknown> {
  if (!existsSync(path)) throw new ConfigError(`${path}: there is no such file`);
  try {
    if (extname(path) === '.json') return parsed(path, await readFile(path, 'utf8'));
    const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false });
    const module = await jiti.import<Record<string, unknown>>(path);
    if ('default' in module) return module['default'];
    throw new ConfigError(`${path}: expected "export default defineConfig({ … })", got no default export`);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const words = firstLine(error);
    const hint = /^Cannot find (module|package) 'millrace'/.test(words)
      ? '; install millrace in the folder of the config, or above it'
      : '';
    throw new ConfigError(`${path}: cannot be loaded: ${words}${hint}`, { cause: error });
  }
}

/** The parser's own words quote what stands around a mistake, which may be a write key: only its place is said. */
function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /at position \d+( \(line \d+ column \d+\))?/.exec(firstLine(error))?.[0];
    throw new ConfigError(`${path}: cannot be loaded: not valid JSON${place ? ` ${place}` : ''}`);
  }
}

const ID_WORDS = 'lower-case letters, digits and dashes, at most 64 characters';
const id = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, `expected ${ID_WORDS}`);

const SECOND_MS = 1_000;
const DAY_MS = 86_400 * SECOND_MS;
const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

function whole(min: number, max: number, otherwise: number): z.ZodDefault<z.ZodNumber> {
  const words = `expected a whole number from ${min} to ${max}`;
  return z.number(words).int(words).min(min, words).max(max, words).default(otherwise);
}

const logSchema = z.strictObject({
  segmentMaxBytes: whole(4 * KB, 4 * GB, 256 * MB),
  segmentMaxAgeMs: whole(SECOND_MS, DAY_MS, 3_600 * SECOND_MS),
  dedupeWindowMs: whole(60 * SECOND_MS, 30 * DAY_MS, DAY_MS),
  dedupeMaxMemoryBytes: whole(16 * MB, 64 * GB, 256 * MB),
  retainMs: whole(60 * SECOND_MS, 3_650 * DAY_MS, 7 * DAY_MS),
  maxBytes: whole(8 * KB, 1_024 * 1_024 * GB, 50 * GB),
  minFreeDiskBytes: whole(0, 1_024 * GB, GB),
  onFull: z.enum(['refuse', 'drop-oldest'], 'expected "refuse" or "drop-oldest"').default('refuse'),
});

const configSchema = z.strictObject({
  sources: z
    .array(
      z.strictObject({
        id,
        name: z.string().min(1, 'expected a name'),
        writeKey: z
          .string()
          .regex(
            /^[\x21-\x39\x3b-\x7e]{1,256}$/,
            'expected 1 to 256 visible ASCII characters without a colon',
          ),
      }),
    )
    .default([]),
  destinations: z
    .array(
      z.strictObject({
        kind: z.enum(Object.keys(destinationKinds)),
        id,
        ...routingShape,
        settings: z.looseObject({}).default({}),
      }),
    )
    .default([]),
  publicUrl: z
    .string()
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/, 'expected an http or https URL without a query')
    .optional(),
  trustProxy: z
    .union([z.boolean(), z.string(), z.array(z.string())], 'expected true, false, or addresses and networks')
    .optional(),
  log: logSchema.prefault({}),
});

/**
 * Checks what a config file exported.
 * @throws {ConfigError} With one line for each mistake: path, what was expected, what was found.
 */
export function checkConfig(input: unknown, fileName: string, folder: string): Config {
  const parsed = configSchema.safeParse(input);
  const { settings, mistakes } = checkSettings(input, folder);
  if (!parsed.success) {
    mistakes.unshift(...parsed.error.issues.map((issue) => mistakeOf(issue, [], input)));
  } else {
    const { sources, destinations, ...rest } = parsed.data;
    mistakes.push(
      ...repeated(sources, 'sources', 'id'),
      ...repeated(sources, 'sources', 'writeKey'),
      ...repeated(destinations, 'destinations', 'id'),
      ...tooSmall(rest.log),
    );
    if (mistakes.length === 0) {
      const checked = destinations.map((entry, index) => ({ ...entry, settings: settings[index]! }));
      mistakes.push(...sharedResources(checked));
      if (mistakes.length === 0) return { sources, destinations: checked, ...rest };
    }
  }
  throw new ConfigError(mistakes.map(({ path, words }) => `${fileName}: ${path}: ${words}`).join('\n'));
}

/** The open segment is never given up, and one beside it has to fit. */
function tooSmall({ maxBytes, segmentMaxBytes }: LogConfig): Mistake[] {
  if (maxBytes >= 2 * segmentMaxBytes) return [];
  const words = `expected at least twice log.segmentMaxBytes, ${2 * segmentMaxBytes}, got ${maxBytes}`;
  return [{ path: 'log.maxBytes', words }];
}

/** By the rules of each destination's kind, also where something else is wrong with the config. */
function checkSettings(input: unknown, folder: string): { settings: JsonObject[]; mistakes: Mistake[] } {
  const entries: unknown = isJsonObject(input) ? input['destinations'] : undefined;
  const mistakes: Mistake[] = [];
  const settings = (Array.isArray(entries) ? entries : []).map((entry: unknown, index): JsonObject => {
    const kind = isJsonObject(entry) ? kindOf(entry['kind']) : undefined;
    const result = kind?.settings(folder).safeParse((entry as JsonObject)['settings'] ?? {});
    const path = ['destinations', index, 'settings'];
    mistakes.push(...(result?.error?.issues ?? []).map((issue) => mistakeOf(issue, path, input)));
    return result?.data ?? {};
  });
  return { settings, mistakes };
}

function kindOf(name: unknown): DestinationKind | undefined {
  return typeof name === 'string' && Object.hasOwn(destinationKinds, name)
    ? destinationKinds[name]
    : undefined;
}

function sharedResources(destinations: readonly DestinationConfig[]): Mistake[] {
  const owners = new Map<string, number>();
  return destinations.flatMap(({ kind, enabled, settings }, index) => {
    const resource = enabled === false ? undefined : kindOf(kind)?.owns?.(settings);
    if (!resource) return [];
    const key = `${kind} ${resource.value}`;
    const owner = owners.get(key);
    if (owner === undefined) {
      owners.set(key, index);
      return [];
    }
    const path = `destinations[${index}].settings.${resource.setting}`;
    return [{ path, words: `expected one of its own, got that of destinations[${owner}]` }];
  });
}

interface Mistake {
  path: string;
  words: string;
}

function mistakeOf(issue: z.core.$ZodIssue, prefix: PropertyKey[], input: unknown): Mistake {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeysAt(path);
    const hint = known ? `; known are ${known.join(', ')}` : '';
    return {
      path: spell(path),
      words: `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')}${hint}`,
    };
  }
  const words = issue.message.startsWith('expected')
    ? issue.message
    : issue.message.replace(/^Invalid.*?: /, '');
  const expected = words.replace(/, received .*$/, '');
  return { path: spell(path), words: `${expected}, got ${found(input, path)}` };
}

function knownKeysAt(path: PropertyKey[]): string[] | undefined {
  if (path.length === 0) return Object.keys(configSchema.shape);
  if (path.length === 1) return path[0] === 'log' ? Object.keys(logSchema.shape) : undefined;
  if (path[2] === 'retry') return ['firstDelayMs', 'maxDelayMs', 'giveUpAfterMs'];
  if (path[2] === 'rateLimit') return ['eventsPerSecond'];
  if (path[2] === 'filters' && path[4] === 'when') return ['types', 'names', 'fql'];
  if (path.length !== 2) return undefined;
  if (path[0] === 'sources') return ['id', 'name', 'writeKey'];
  return ['kind', 'id', ...Object.keys(routingShape), 'settings'];
}

function spell(path: PropertyKey[]): string {
  if (path.length === 0) return 'config';
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** Says what stands at a path, without what may be secret. */
function found(input: unknown, path: PropertyKey[]): string {
  const value = path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined,
    input,
  );
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'string') {
    const mayShow = ['id', 'kind', 'name', 'dir', 'start', 'action', 'order'].includes(String(path.at(-1)));
    return mayShow ? JSON.stringify(value.slice(0, 80)) : `a string of ${value.length} characters`;
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function repeated<K extends string>(entries: readonly Record<K, string>[], list: string, key: K): Mistake[] {
  return entries.flatMap((entry, index) => {
    const first = entries.findIndex((other) => other[key] === entry[key]);
    if (first === index) return [];
    return [
      {
        path: `${list}[${index}].${key}`,
        words: `expected a value of its own, got that of ${list}[${first}]`,
      },
    ];
  });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
