import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Analytics } from '@millrace/node';
import { fileOf, readDeclarations } from './harness/declared.ts';

const require = createRequire(import.meta.url);
const page = readFileSync(new URL('../docs/library/migrating.md', import.meta.url), 'utf8');

type Class = new (writeKey: string) => object;

const FILES = {
  ours: fileURLToPath(new URL('../packages/node/index.d.cts', import.meta.url)),
  segment: fileOf('@segment/analytics-node', 'dist/types/index.d.ts'),
  segmentEmitter: fileOf('@segment/analytics-node', 'dist/types/app/emitter.d.ts'),
  rudder: fileOf('@rudderstack/rudder-sdk-node', 'index.d.ts'),
  // What its class has besides, private by convention alone.
  rudderClass: fileOf('@rudderstack/rudder-sdk-node', 'types/index.d.ts'),
};
const declared = readDeclarations(Object.values(FILES));

/** analytics-node declares nothing, so its code says what there is. */
function ofAnalyticsNode(): { options: string[]; methods: string[]; fields: string[] } {
  const Theirs = require('analytics-node') as Class;
  const code = readFileSync(require.resolve('analytics-node'), 'utf8');
  const read = [...code.matchAll(/\boptions\.(\w+)/g)].map(([, name]) => name!);
  const set = [...code.matchAll(/\bthis\.(\w+) =/g)].map(([, name]) => name!);
  return {
    options: [...new Set(read)],
    methods: Object.getOwnPropertyNames(Theirs.prototype).filter((name) => name !== 'constructor'),
    fields: [...new Set([...Object.keys(new Theirs('key')), ...set])],
  };
}

const legacy = ofAnalyticsNode();
const segmentMembers = declared.members(FILES.segment, 'Analytics');
const segmentFields = ['VERSION', 'ready', 'maxListeners'];
const rudderMembers = declared.members(FILES.rudderClass, 'Analytics');
const rudderMethods = Object.getOwnPropertyNames(
  (require('@rudderstack/rudder-sdk-node') as Class).prototype,
).filter((name) => name !== 'constructor');

const ourOptions = declared.members(FILES.ours, 'Options', 'Settings');
const ourMembers = declared.members(FILES.ours, 'Client');
const ourEvents = declared.firstArguments(FILES.ours, 'Client', 'on');
const ourFields = declared.members(
  FILES.ours,
  'TrackMessage',
  'IdentifyMessage',
  'PageMessage',
  'GroupMessage',
  'AliasMessage',
  'OptionalIdentity',
);

const TABLES: [section: string, table: string, theirs: string[], ours: string[]][] = [
  ['analytics-node', 'Options', legacy.options, ourOptions],
  ['analytics-node', 'Methods', legacy.methods, ourMembers],
  ['analytics-node', 'Fields', legacy.fields, ourMembers],
  ['@segment/analytics-node', 'Options', declared.members(FILES.segment, 'AnalyticsSettings'), ourOptions],
  [
    '@segment/analytics-node',
    'OAuth settings',
    declared.members(FILES.segment, 'OAuthSettings'),
    declared.members(FILES.ours, 'OAuthSettings'),
  ],
  [
    '@segment/analytics-node',
    'Methods',
    segmentMembers.filter((name) => !segmentFields.includes(name)),
    ourMembers,
  ],
  [
    '@segment/analytics-node',
    'Fields',
    segmentMembers.filter((name) => segmentFields.includes(name)),
    ourMembers,
  ],
  [
    '@segment/analytics-node',
    'Events',
    declared.members(FILES.segmentEmitter, 'NodeEmitterEvents'),
    ourEvents,
  ],
  [
    '@segment/analytics-node',
    'Messages',
    declared.members(
      FILES.segment,
      'TrackParams',
      'IdentifyParams',
      'PageParams',
      'GroupParams',
      'AliasParams',
    ),
    ourFields,
  ],
  [
    '@segment/analytics-node',
    'Plugins',
    declared.members(FILES.segment, 'Plugin'),
    declared.members(FILES.ours, 'Plugin'),
  ],
  [
    '@segment/analytics-node',
    'Context',
    declared.members(FILES.segment, 'Context'),
    declared.members(FILES.ours, 'Context'),
  ],
  [
    '@rudderstack/rudder-sdk-node',
    'Options',
    // It reads a time-out that it does not declare.
    [...declared.members(FILES.rudder, 'constructorOptions'), 'timeout'],
    ourOptions,
  ],
  [
    '@rudderstack/rudder-sdk-node',
    'Methods',
    [...new Set([...declared.members(FILES.rudder, 'Analytics'), ...rudderMethods])],
    ourMembers,
  ],
  [
    '@rudderstack/rudder-sdk-node',
    'Fields',
    [...rudderMembers.filter((name) => !rudderMethods.includes(name)), 'enable'],
    ourMembers,
  ],
  [
    '@rudderstack/rudder-sdk-node',
    'Messages',
    declared.members(
      FILES.rudder,
      'TrackParams',
      'IdentifyParams',
      'PageParams',
      'ScreenParams',
      'GroupParams',
      'AliasParams',
    ),
    ourFields,
  ],
];

const byName = (a: string, b: string): number => a.localeCompare(b);

interface Row {
  name: string;
  state: string;
}

function rowsOf(section: string, table: string): Row[] {
  const text = page.split(/^## /m).find((text) => text.startsWith(`From \`${section}\`\n`))!;
  const rows = text.split(/^### /m).find((part) => part.startsWith(`${table}\n`))!;
  return [...rows.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)].map(([, name, state]) => ({
    name: name!,
    state: state!,
  }));
}

describe.each(TABLES)('docs/library/migrating.md, %s, %s', (section, table, theirs, ours) => {
  const rows = rowsOf(section, table);
  const namesOf = (...states: string[]): string[] =>
    rows.filter(({ state }) => states.includes(state)).map(({ name }) => name);

  it('lists what the package has, each once, and nothing else', () => {
    expect(theirs.length).toBeGreaterThan(2);
    expect(rows.map(({ name }) => name).toSorted(byName)).toEqual([...theirs].toSorted(byName));
  });

  it('says of each one of the four states', () => {
    expect(rows.filter(({ state }) => !/^(same|better|different|none)$/.test(state))).toEqual([]);
  });

  it('says same, better or different only of what is here, and none only of what is not', () => {
    expect(namesOf('same', 'better', 'different').filter((name) => !ours.includes(name))).toEqual([]);
    expect(namesOf('none').filter((name) => ours.includes(name))).toEqual([]);
  });
});

describe('what migrating.md calls the same', () => {
  it('is there at run time', () => {
    const client: object = new Analytics('key', { enable: false });
    const members = TABLES.filter(([, table]) => table === 'Methods' || table === 'Fields');
    const names = members.flatMap(([section, table]) => rowsOf(section, table));
    const here = names.filter(({ state }) => state !== 'none').map(({ name }) => name);
    expect(here.length).toBeGreaterThan(20);
    expect(here.filter((name) => !(name in client))).toEqual([]);
  });
});
