import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';

const ROOT = new URL('..', import.meta.url);

interface PublicName {
  /** As in `Client.Options.host`. */
  name: string;
  doc: string;
}

/** What a program can name, of a file of declarations or of code: its exports, and the members of those. */
function publicNames(file: string): PublicName[] {
  const text = readFileSync(new URL(file, ROOT), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return namesIn(source.statements, '');
}

function namesIn(nodes: readonly ts.Node[], within: string): PublicName[] {
  const names = new Map<string, string>();
  const members: PublicName[] = [];
  for (const node of nodes) {
    if (!isPublic(node)) continue;
    const name = within + node.name.getText();
    // Of overloads, and of a class and its namespace, one says it.
    names.set(name, (names.get(name) ?? '') + docOf(node));
    members.push(...namesIn(membersOf(node), `${name}.`));
  }
  return [...[...names].map(([name, doc]) => ({ name, doc })), ...members];
}

type Named = ts.Declaration & { name: ts.DeclarationName };

function isPublic(node: ts.Node): node is Named {
  // What is imported has its words where it is from, and the global scope is not ours.
  if (ts.isImportEqualsDeclaration(node) || (node.flags & ts.NodeFlags.GlobalAugmentation) !== 0)
    return false;
  if (!('name' in node) || !node.name || ts.isPrivateIdentifier(node.name as ts.Node)) return false;
  const isTopLevel = ts.isSourceFile(node.parent) && !node.getSourceFile().fileName.endsWith('.d.cts');
  return !isTopLevel || (ts.getCombinedModifierFlags(node as Named) & ts.ModifierFlags.Export) !== 0;
}

function membersOf(node: Named): readonly ts.Node[] {
  if (ts.isModuleDeclaration(node)) return (node.body as ts.ModuleBlock).statements;
  if (ts.isClassLike(node) || ts.isInterfaceDeclaration(node)) return node.members;
  if (!ts.isTypeAliasDeclaration(node)) return [];
  const parts = ts.isIntersectionTypeNode(node.type) ? node.type.types : [node.type];
  return parts.flatMap((part) => (ts.isTypeLiteralNode(part) ? part.members : []));
}

function docOf(node: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(node)
    .map((doc) => doc.getText())
    .join('\n');
}

const DECLARATIONS = readdirSync(ROOT).filter((file) => file.endsWith('.d.cts'));

it.each(DECLARATIONS)('%s documents each public name', (file) => {
  expect(undocumented(publicNames(file))).toEqual([]);
});

it.each([
  ['src/analytics.ts', 'Analytics.'],
  ['src/options.ts', 'AnalyticsOptions.'],
  ['src/transport/transport-options.ts', 'TransportOptions.'],
  ['src/testing/recorder.ts', ''],
])('%s documents each public name of %s', (file, prefix) => {
  const names = publicNames(file).filter(({ name }) => name.startsWith(prefix));
  expect(names.length).toBeGreaterThan(0);
  expect(undocumented(names)).toEqual([]);
});

function undocumented(names: readonly PublicName[]): string[] {
  return names.filter(({ doc }) => doc === '').map(({ name }) => name);
}

it('the options say their default', () => {
  const options = publicNames('index.d.cts').filter(({ name }) => name.startsWith('Client.Options.'));
  expect(options.length).toBeGreaterThan(20);
  expect(options.filter(({ doc }) => !/default|successor/i.test(doc)).map(({ name }) => name)).toEqual([]);
});
