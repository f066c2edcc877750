import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const require = createRequire(import.meta.url);

/** Declarations of packages as they are installed, read by the compiler that their users use. */
export interface Declarations {
  /** What an interface or class has that is not private, what it inherits included. */
  members(file: string, ...names: string[]): string[];
  /** The texts that the first parameter of a method may be. */
  firstArguments(file: string, name: string, method: string): string[];
}

/** A file of a package: `fileOf('ms', 'index.d.ts')`. */
export function fileOf(name: string, path: string): string {
  return join(dirname(require.resolve(`${name}/package.json`)), path);
}

export function readDeclarations(files: string[]): Declarations {
  const program = ts.createProgram(files, {
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    types: ['node'],
  });
  const checker = program.getTypeChecker();

  /** Exported from the file or, as in those of JavaScript classes, merely declared in it. */
  function typeOf(file: string, name: string): ts.Type {
    const source = program.getSourceFile(file)!;
    const symbol = checker
      .getSymbolsInScope(source.endOfFileToken, ts.SymbolFlags.Type)
      .concat(exportsOf(source))
      .findLast((symbol) => symbol.name === name);
    if (!symbol) throw new Error(`${file} declares no ${name}`);
    return checker.getDeclaredTypeOfSymbol(
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    );
  }

  /** Of a namespace that is merged with what `export =` names, too. */
  function exportsOf(source: ts.SourceFile): ts.Symbol[] {
    const module = checker.getSymbolAtLocation(source);
    return module ? checker.getExportsOfModule(module) : [];
  }

  function properties(file: string, name: string): ts.Symbol[] {
    return checker.getPropertiesOfType(typeOf(file, name));
  }

  return {
    members: (file, ...names) => {
      const found = names.flatMap((name) => properties(file, name)).filter(isPublic);
      return [...new Set(found.map((symbol) => symbol.name))];
    },
    firstArguments: (file, name, method) => {
      const symbol = properties(file, name).find((property) => property.name === method);
      const type = checker.getTypeOfSymbol(symbol!);
      return type.getCallSignatures().flatMap((signature) => {
        const parameter = checker.getTypeOfSymbol(signature.parameters[0]!);
        const constraint = checker.getBaseConstraintOfType(parameter) ?? parameter;
        const parts = constraint.isUnion() ? constraint.types : [constraint];
        return parts.flatMap((part) => (part.isStringLiteral() ? [part.value] : []));
      });
    },
  };
}

function isPublic(symbol: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (symbol.declarations ?? []).every(
    (declaration) => (ts.getCombinedModifierFlags(declaration) & hidden) === 0,
  );
}
