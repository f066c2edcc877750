import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isJsonObject } from '@millrace/spec';
import { replaceFile } from './replace-file.ts';

/** Where events come from: an app or a site with a write key of its own. */
export interface Source {
  id: string;
  name: string;
  writeKey: string;
}

/** The sources that the collector knows. */
export interface SourceRegistry {
  /**
   * The source that a write key belongs to.
   * @throws {SourceWriteError} The source is new and could not be kept.
   */
  resolve(writeKey: string): Source | undefined | Promise<Source | undefined>;
  list(): readonly Source[];
}

/** The collector answers it like a log that cannot be written: 503, to be sent again. */
export class SourceWriteError extends Error {
  override readonly name = 'SourceWriteError';
  readonly code: 'log_unavailable' | 'disk_full';

  constructor(code: SourceWriteError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The sources that were kept cannot be read back; the message names the file and holds no key. */
export class SourcesFileError extends Error {
  override readonly name = 'SourcesFileError';
  readonly code = 'sources_file_damaged';
}

/** The sources of the config; ids and write keys are unique there. */
export function configuredSources(sources: readonly Source[]): SourceRegistry {
  const byDigest = new Map(sources.map((source) => [keyDigest(source.writeKey), source]));
  return {
    resolve: (writeKey) => byDigest.get(keyDigest(writeKey)),
    list: () => sources,
  };
}

/**
 * Keys are looked up by their SHA-256, never compared: how long a look-up takes then tells a
 * guesser nothing about how much of a guess was right.
 */
function keyDigest(writeKey: string): string {
  return hash('sha256', writeKey, 'hex');
}

export interface DiscoveredSourcesOptions {
  /** Where they are kept, in a folder that exists. Made at the first source. */
  file: string;
  /** Keys beyond this many are unknown. Default 1,000: whoever reaches the port could fill the disk. */
  maxCount?: number;
  /** Writes the file durably; resolves once it is. */
  replace?: (file: string, content: string) => Promise<void>;
}

/** What a config file may hold as a write key: visible ASCII without the colon that ends it in HTTP Basic. */
const WRITE_KEY = /^[\x21-\x39\x3b-\x7e]{1,256}$/;
const FILE_VERSION = 1;

/**
 * For `millrace dev` without configured sources: every write key that a config could
 * hold becomes a source at first sight, and is resolved once that source is durable.
 * @throws {SourcesFileError} The file is there and is not what was written.
 */
export async function discoveredSources(options: DiscoveredSourcesOptions): Promise<SourceRegistry> {
  const { file, maxCount = 1_000, replace = replaceFile } = options;
  const known = new Map((await load(file)).map((source) => [keyDigest(source.writeKey), source]));
  const arriving = new Map<string, Promise<Source>>();
  let lastWrite: Promise<unknown> = Promise.resolve();

  async function keep(digest: string, source: Source): Promise<Source> {
    try {
      await replace(file, written([...known.values(), source]));
      known.set(digest, source);
      return source;
    } catch (cause) {
      const code = errnoOf(cause) === 'ENOSPC' ? 'disk_full' : 'log_unavailable';
      throw new SourceWriteError(code, `${file} cannot be written`, { cause });
    } finally {
      arriving.delete(digest);
    }
  }

  return {
    resolve(writeKey) {
      const digest = keyDigest(writeKey);
      const present = known.get(digest) ?? arriving.get(digest);
      if (present) return present;
      if (!WRITE_KEY.test(writeKey)) return undefined;
      if (known.size + arriving.size >= maxCount) return undefined;
      // One after the other: each write holds all the sources before it.
      const kept = lastWrite.then(() => keep(digest, sourceOf(writeKey, digest)));
      lastWrite = kept.catch(() => undefined);
      arriving.set(digest, kept);
      return kept;
    },
    list: () => [...known.values()],
  };
}

/** The same key is the same source again after the file is lost; the id does not give the key away. */
function sourceOf(writeKey: string, digest: string): Source {
  const mark = digest.slice(0, 12);
  return { id: `source-${mark}`, name: `Source ${mark.slice(0, 6)}`, writeKey };
}

function written(sources: readonly Source[]): string {
  return `${JSON.stringify({ version: FILE_VERSION, sources }, null, 2)}\n`;
}

async function load(file: string): Promise<Source[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw new SourcesFileError(`${file} cannot be read (${errnoOf(cause) ?? 'unknown error'})`, { cause });
  }
  const sources = parsed(text);
  if (sources) return sources;
  throw new SourcesFileError(
    `${file} is damaged: expected {"version":${FILE_VERSION},"sources":[{"id","name","writeKey"}]}. ` +
      'Repair it, or move it away to start without the sources in it.',
  );
}

function parsed(text: string): Source[] | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // Not passed on as a cause: the parser quotes what it read, and that is write keys.
    return undefined;
  }
  if (!isJsonObject(content) || content['version'] !== FILE_VERSION) return undefined;
  const sources: unknown = content['sources'];
  return Array.isArray(sources) && sources.every(isSource) ? sources : undefined;
}

function isSource(value: unknown): value is Source {
  return isJsonObject(value) && ['id', 'name', 'writeKey'].every((field) => typeof value[field] === 'string');
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
