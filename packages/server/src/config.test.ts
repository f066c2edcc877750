import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig, ConfigError, findConfigFile, loadConfig } from './config.ts';
import { files, webhook, type RoutingOptions } from './destinations/index.ts';

const source = { id: 'shop', name: 'Shop', writeKey: 'a-secret-write-key' };

/** What a config without a `log` has, as docs/operations.md says. */
const LOG = {
  segmentMaxBytes: 268_435_456,
  segmentMaxAgeMs: 3_600_000,
  dedupeWindowMs: 86_400_000,
  dedupeMaxMemoryBytes: 268_435_456,
  retainMs: 604_800_000,
  maxBytes: 53_687_091_200,
  minFreeDiskBytes: 1_073_741_824,
  onFull: 'refuse',
};

function mistakesOf(config: unknown): string[] {
  try {
    checkConfig(config, 'millrace.config.ts', '/project');
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const dropAll = (): null => null;

describe('checkConfig', () => {
  it('accepts what the factories make, and data of the same shape', () => {
    const made = {
      sources: [source],
      destinations: [
        webhook({ id: 'hook', url: 'https://example.com/in' }),
        files({ id: 'disk', dir: 'events' }),
      ],
    };
    const fromJson: unknown = JSON.parse(JSON.stringify(made));
    expect(checkConfig(fromJson, 'c.json', '/project')).toEqual(checkConfig(made, 'c.ts', '/project'));
  });

  it('takes how events are routed to a destination, functions too', () => {
    const routing: RoutingOptions = {
      start: '2026-01-02T03:04:05+01:00',
      maxEventAgeMs: 3_600_000,
      filters: [
        { action: 'drop', when: 'event = "Ping"' },
        { action: 'only', when: { types: ['track'], names: ['Ordered'], fql: 'userId != null' } },
        { action: 'sample', percent: 12.5, when: () => true },
        { action: 'blockFields', fields: ['properties.card.number'] },
        { action: 'allowFields', fields: ['traits.plan'] },
      ],
      transform: dropAll,
      transformTimeoutMs: 100,
      order: 'none',
      retry: { firstDelayMs: 10, maxDelayMs: 20, giveUpAfterMs: 0 },
      rateLimit: { eventsPerSecond: 0.5 },
    };
    const destination = webhook({ id: 'hook', url: 'https://example.com', ...routing });
    expect(destination).toEqual({
      kind: 'webhook',
      id: 'hook',
      ...routing,
      settings: { url: 'https://example.com' },
    });
    const [checked] = checkConfig({ destinations: [destination] }, 'c.ts', '/project').destinations;
    expect(checked).toMatchObject(routing);
    expect(checked?.transform).toBe(dropAll);
  });

  it.each(['now', 'earliest', 0, 1_700_000_000_000, '2026-01-02', '2026-01-02T03:04Z'])(
    'takes %j for a start',
    (start) => {
      expect(mistakesOf({ destinations: [files({ id: 'f', dir: 'x', start })] })).toEqual([]);
    },
  );

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a start that is no time',
      { start: 'yesterday' },
      /\.start: expected 'now', 'earliest', an ISO 8601 time with its zone or .*, got "yesterday"$/,
    ],
    [
      'a start without its zone',
      { start: '2026-01-02T03:04:05' },
      /\.start: .*zone.*, got "2026-01-02T03:04:05"/,
    ],
    ['a start that is no date', { start: '2026-13-45' }, /\.start: .*, got "2026-13-45"/],
    ['a start of another type', { start: true }, /\.start: .*, got true/],
    [
      'a bound of the age',
      { maxEventAgeMs: 5 },
      /\.maxEventAgeMs: expected a whole number from 1000 .*, got 5/,
    ],
    ['a transform that is data', { transform: 'x' }, /\.transform: expected a function, got a string of 1/],
    [
      'a bound of the time-out',
      { transformTimeoutMs: 60_001 },
      /\.transformTimeoutMs: expected a whole number from 1 to 60000, got 60001/,
    ],
    ['an order that there is not', { order: 'key' }, /\.order: expected 'user' or 'none', got "key"/],
    [
      'a bound of the retries',
      { retry: { maxDelayMs: 0 } },
      /\.retry\.maxDelayMs: expected a whole number from 1 to 86400000, got 0/,
    ],
    [
      'a misspelt bound of the retries',
      { retry: { maxDelay: 5 } },
      /\.retry: unknown option "maxDelay"; known are firstDelayMs, maxDelayMs/,
    ],
    [
      'a rate of nothing',
      { rateLimit: { eventsPerSecond: 0 } },
      /\.rateLimit\.eventsPerSecond: expected a number from 0\.01 to 100000, got 0/,
    ],
    ['filters that are no list', { filters: {} }, /\.filters: expected array, got an object/],
    [
      'an unknown action',
      { filters: [{ action: 'skip' }] },
      /\.filters\[0\]\.action: expected one of drop, only, sample, blockFields, allowFields, got "skip"/,
    ],
    [
      'a drop of everything by mistake',
      { filters: [{ action: 'drop' }] },
      /\.filters\[0\]\.when: expected FQL text, an object .* or a function, got nothing/,
    ],
    [
      'no condition',
      { filters: [{ action: 'only', when: {} }] },
      /\.when: expected at least one of types, names, fql/,
    ],
    [
      'FQL that is none',
      { filters: [{ action: 'drop', when: 'type == "track"' }] },
      /\.when: expected FQL \(expected a field, .*, got "=" at character 7\), got a string of 15/,
    ],
    [
      'FQL that is none beside others',
      { filters: [{ action: 'sample', percent: 1, when: { fql: 'type =' } }] },
      /\.filters\[0\]\.when\.fql: expected FQL \(expected a field/,
    ],
    [
      'an unknown type',
      { filters: [{ action: 'drop', when: { types: ['track', 'click'] } }] },
      /\.when\.types\[1\]: expected one of track, .*, got a string of 5/,
    ],
    [
      'a misspelt part of a condition',
      { filters: [{ action: 'drop', when: { type: ['track'] } }] },
      /\.filters\[0\]\.when: unknown option "type"; known are types, names, fql/,
    ],
    [
      'a misspelt part of a filter',
      { filters: [{ action: 'blockFields', field: ['properties.x'] }] },
      /\.filters\[0\]\.fields: expected a list of paths, got nothing/,
    ],
    [
      'a percentage',
      { filters: [{ action: 'sample', percent: 101 }] },
      /\.percent: .* from 0 to 100, got 101/,
    ],
    [
      'a field that may not be taken',
      { filters: [{ action: 'blockFields', fields: ['properties.x', 'userId'] }] },
      /\.fields\[1\]: expected a path below properties, traits or context.*, got a string of 6/,
    ],
  ])('names %s', (_, routing, expected) => {
    const destination = { kind: 'files', id: 'f', settings: { dir: 'x' }, ...routing };
    expect(mistakesOf({ destinations: [destination] }).join('\n')).toMatch(expected);
  });

  it('resolves a relative folder against the folder of the config', () => {
    const config = checkConfig({ destinations: [files({ id: 'disk', dir: 'events' })] }, 'c.ts', '/project');
    expect(config.destinations[0]?.settings['dir']).toBe('/project/events');
  });

  it('takes an empty object', () => {
    expect(checkConfig({}, 'c.ts', '/project')).toEqual({ sources: [], destinations: [], log: LOG });
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', undefined, /^millrace\.config\.ts: config: expected object, got nothing$/],
    ['a misspelt option', { source: [] }, /config: unknown option "source"; known are sources, destinations/],
    ['no list', { sources: {} }, /sources: expected array, got an object/],
    [
      'a missing name',
      { sources: [{ id: 'a', writeKey: 'k' }] },
      /sources\[0\]\.name: expected string, got nothing/,
    ],
    [
      'a bad id',
      { sources: [{ ...source, id: 'My Shop' }] },
      /sources\[0\]\.id: expected lower-case.*got "My Shop"/,
    ],
    [
      'an id twice',
      { sources: [source, { ...source, writeKey: 'other' }] },
      /sources\[1\]\.id: expected a value of its own/,
    ],
    [
      'a key twice',
      { sources: [source, { ...source, id: 'other' }] },
      /sources\[1\]\.writeKey: .*got that of sources\[0\]/,
    ],
    [
      'an unknown kind',
      { destinations: [{ kind: 'pigeon', id: 'p' }] },
      /destinations\[0\]\.kind: .*"webhook".*got "pigeon"/,
    ],
    [
      'no URL',
      { destinations: [{ kind: 'webhook', id: 'w' }] },
      /destinations\[0\]\.settings\.url: .*got nothing/,
    ],
    [
      'a URL of another kind',
      { destinations: [webhook({ id: 'w', url: 'ftp://example.com' })] },
      /destinations\[0\]\.settings\.url: .*http.*got a string of 17 characters/,
    ],
    [
      'a log that has no room for two segments',
      { log: { segmentMaxBytes: 8_192, maxBytes: 16_383 } },
      /log\.maxBytes: expected at least twice log\.segmentMaxBytes, 16384, got 16383/,
    ],
    [
      'an unknown word for a full log',
      { log: { onFull: 'drop' } },
      /log\.onFull: expected "refuse" or "drop-oldest", got a string of 4 characters/,
    ],
    [
      'a misspelt option of the log',
      { log: { segmentBytes: 7 } },
      /log: unknown option "segmentBytes"; known are segmentMaxBytes, .*dedupeMaxMemoryBytes/,
    ],
    [
      'a bound of the log',
      { log: { segmentMaxAgeMs: 0.5 } },
      /log\.segmentMaxAgeMs: expected a whole number from 1000 to \d+, got 0\.5/,
    ],
    [
      'a misspelt setting',
      { destinations: [{ kind: 'files', id: 'f', settings: { dir: 'x', folder: 'y' } }] },
      /destinations\[0\]\.settings: unknown option "folder"/,
    ],
  ])('names %s', (_, config, expected) => {
    expect(mistakesOf(config).join('\n')).toMatch(expected);
  });

  it('keeps two files destinations out of one folder, unless one is off', () => {
    const shared = [files({ id: 'a', dir: 'out' }), files({ id: 'b', dir: './out', enabled: true })];
    expect(mistakesOf({ destinations: shared })).toEqual([
      'millrace.config.ts: destinations[1].settings.dir: expected one of its own, got that of destinations[0]',
    ]);
    expect(mistakesOf({ destinations: [shared[0], { ...shared[1], enabled: false }] })).toEqual([]);
  });

  it('names every mistake, not the first', () => {
    expect(mistakesOf({ sources: [{ id: '', name: 1, writeKey: 'k' }], destinations: 'none' })).toHaveLength(
      3,
    );
  });

  it('never repeats what may be secret', () => {
    const words = mistakesOf({
      sources: [{ ...source, writeKey: 'secret with spaces' }],
      destinations: [webhook({ id: 'w', url: 'not a url with secret' })],
    });
    expect(words).toHaveLength(2);
    expect(words.join('\n')).not.toContain('secret with');
    expect(words.join('\n')).not.toContain('with secret');
  });
});

describe('loadConfig', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  }

  it.each([
    [
      'millrace.config.ts',
      `const port: number = 1;\nexport default { sources: [${JSON.stringify(source)}] };`,
    ],
    ['millrace.config.mjs', `export default { sources: [${JSON.stringify(source)}] };`],
    ['millrace.config.js', `module.exports = { sources: [${JSON.stringify(source)}] };`],
    ['millrace.config.json', JSON.stringify({ sources: [source] })],
  ])('evaluates %s', async (name, text) => {
    const path = await file(name, text);
    expect(await loadConfig(path)).toEqual({ sources: [source], destinations: [], log: LOG });
    expect(findConfigFile(folder)).toBeDefined();
    await rm(path);
  });

  it('is empty without a file', async () => {
    expect(findConfigFile(folder)).toBeUndefined();
    expect(await loadConfig(undefined)).toEqual({ sources: [], destinations: [], log: LOG });
  });

  it('does not quote JSON that it cannot read', async () => {
    const path = await file('quotes.json', '{ "sources": [{ "writeKey": sk_live_1234 }] }');
    const words = await loadConfig(path).then(String, String);
    expect(words).toMatch(/quotes\.json: cannot be loaded: not valid JSON/);
    expect(words).not.toContain('sk_live');
  });

  it.each([
    ['a file that is not there', 'absent.ts', undefined, /absent\.ts: there is no such file/],
    ['broken JSON', 'broken.json', '{', /broken\.json: cannot be loaded: .*JSON/],
    [
      'code that throws',
      'throws.mjs',
      'throw new Error("no database");',
      /throws\.mjs: cannot be loaded: no database/,
    ],
  ])('says what is wrong with %s', async (_, name, text, expected) => {
    const path = text === undefined ? join(folder, name) : await file(name, text);
    await expect(loadConfig(path)).rejects.toThrow(expected);
  });
});
