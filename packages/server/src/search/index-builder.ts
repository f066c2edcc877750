import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { LogReadError, type DurableEnds, type LogReader } from '../log/log.ts';
import { preferredDriver, sqliteDrivers, type SqliteDriver } from '../sqlite/drivers.ts';
import { BlockBuilder } from './block.ts';
import { checkIndexFile, IndexFileWriter, type SealedRange } from './index-file.ts';
import { indexName, isSealed } from './index-folder.ts';
import { fieldsOf, keysOf } from './keys.ts';

/** What is indexed between two pauses: 2 ms or so, and 8 ms where a block is finished. */
const SLICE = { maxCount: 300, maxBytes: 256 * 1024 };
/** The pause after a slice, as a multiple of what the slice took: deliveries have the rest of the time. */
const PAUSE_FACTOR = 3;
/** Between two looks for what is sealed. */
const LOOK_EVERY_MS = 5_000;
const RETRY_MS = 60_000;

export interface IndexBuilderOptions {
  /** Made when it does not exist. Nobody else writes there. */
  dir: string;
  /** One of its own; it is not closed here. */
  reader: LogReader;
  clock: Pick<Clock, 'nowMs' | 'sleep'>;
  logger: Pick<Logger, 'warn'>;
  driver?: SqliteDriver;
}

/** Keeps one index file for each sealed range of the log, and removes those whose range is gone. */
export class IndexBuilder {
  readonly #options: IndexBuilderOptions;
  readonly #driver: SqliteDriver;
  readonly #stopping = new AbortController();
  /** Names of files that are known to be sound, or of ranges that cannot be read. */
  readonly #settled = new Set<string>();
  #ends: DurableEnds = {};
  #run: Promise<void> | undefined;

  /** @throws {SqliteUnavailableError} There is no driver for this runtime. */
  constructor(options: IndexBuilderOptions) {
    this.#options = options;
    this.#driver = options.driver ?? preferredDriver(sqliteDrivers());
  }

  setDurableEnds(ends: DurableEnds): void {
    this.#ends = ends;
  }

  /** Works until it is stopped. */
  start(): void {
    this.#run ??= this.#work();
  }

  /** What is half done is done again by the next one. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#run;
  }

  async #work(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      let pauseMs = LOOK_EVERY_MS;
      try {
        await this.catchUp();
      } catch (error) {
        logger.warn({ err: error }, 'the search index cannot be kept up; searches read the log instead');
        pauseMs = RETRY_MS;
      }
      await clock.sleep(pauseMs, this.#stopping.signal);
    }
  }

  /** Indexes what is sealed as of now, the newest first. */
  async catchUp(): Promise<void> {
    const { dir, reader } = this.#options;
    reader.setDurableEnds(this.#ends);
    const partitions = Object.keys(this.#ends).map(Number);
    const ranges = (await Promise.all(partitions.map((partition) => reader.ranges(partition)))).flat();
    const sealed = ranges.filter(isSealed);
    await mkdir(dir, { recursive: true });
    await this.#removeAllBut(new Set(sealed.map(indexName)));
    for (const range of sealed.toSorted((a, b) => b.createdAtMs - a.createdAtMs || b.from - a.from)) {
      if (this.#stopping.signal.aborted) return;
      const name = indexName(range);
      if (!this.#settled.has(name) && !this.#isSound(range)) await this.#buildOrGiveUp(range);
      this.#settled.add(name);
    }
  }

  async #removeAllBut(names: ReadonlySet<string>): Promise<void> {
    const { dir } = this.#options;
    for (const name of await readdir(dir)) {
      if (names.has(name)) continue;
      await rm(join(dir, name), { force: true });
      this.#settled.delete(name);
    }
  }

  #isSound(range: SealedRange): boolean {
    try {
      checkIndexFile(join(this.#options.dir, indexName(range)), range, this.#driver);
      return true;
    } catch {
      return false;
    }
  }

  async #buildOrGiveUp(range: SealedRange): Promise<void> {
    try {
      await this.#build(range);
    } catch (error) {
      if (!(error instanceof LogReadError) || error.code === 'io') throw error;
      if (error.code === 'trimmed') return;
      this.#options.logger.warn(
        { code: error.code, range: indexName(range) },
        'a part of the log is damaged and stays without a search index',
      );
    }
  }

  async #build(range: SealedRange): Promise<void> {
    const { dir, reader, clock } = this.#options;
    const { signal } = this.#stopping;
    const path = join(dir, indexName(range));
    await rm(path, { force: true });
    const writer = await IndexFileWriter.begin(path, range, this.#driver);
    let isFinished = false;
    try {
      let block: BlockBuilder | undefined;
      for (let at = range.from; at < range.to;) {
        const records = await reader.read(range.partition, at, SLICE);
        const startedMs = performance.now();
        for (const record of records) {
          if (record.position >= range.to) break;
          if (block && !block.takes(record.position)) {
            writer.add(block);
            block = undefined;
          }
          block ??= new BlockBuilder(record.position);
          block.add(record.position, record.receivedAtMs, keysOf(fieldsOf(record)));
        }
        at = (records.at(-1)?.position ?? range.to) + 1;
        await clock.sleep(PAUSE_FACTOR * (performance.now() - startedMs), signal);
        if (signal.aborted) return;
      }
      if (block) writer.add(block);
      await writer.finish();
      isFinished = true;
    } finally {
      if (!isFinished) await writer.abandon();
    }
  }
}
