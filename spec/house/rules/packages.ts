import type { Finding, Rule } from '../rule.ts';
import { isSource, type Import, type SourceFile } from '../source-file.ts';

/** Where values of each package may be imported. A package that is not here is not a dependency of the sources. */
const places: Readonly<Record<string, RegExp>> = {
  '@standard-schema/spec': /^lib\/kernel\//,
  rxjs: /^(operators|spec)\//,
  lmdb: /^store\//,
  immer: /^(store\/|operators\/step\/state\.ts$)/,
  cborg: /^lib\/kernel\//,
  'fastest-levenshtein': /^lib\/kernel\//,
  'fast-check': /^spec\//,
};

/** lib is pure: of Node it takes what computes, and nothing that reads, writes, waits or asks the time. */
const pureBuiltins = new Set(['node:buffer', 'node:crypto', 'node:util', 'node:util/types']);

function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function judge(path: string, { specifier, typeOnly }: Import): string | undefined {
  if (specifier.startsWith('node:')) {
    if (!path.startsWith('lib/') || pureBuiltins.has(specifier)) return undefined;
    return `lib imports ${specifier}, use a port that operators/ or store/ implements`;
  }
  const name = packageOf(specifier);
  const place = places[name];
  if (place === undefined) return `imports ${specifier}, use what is there already, or give ${name} a place in the house rules`;
  if (place.test(path) || (typeOnly && name === 'rxjs' && /^lib\/model\/op(-forms)?\.ts$/.test(path))) return undefined;
  return `imports ${name} outside its place (${place.source}), use a port or a function of that folder`;
}

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.filter(isSource).flatMap(({ path, imports }) =>
    imports.flatMap((found) => {
      const message = found.target === undefined ? judge(path, found) : undefined;
      return message === undefined ? [] : [{ path, line: found.line, message }];
    }),
  );
}

/** rxjs stays in operators, lmdb in store, and so on: a package has one place. */
export const packages: Rule = {
  name: 'each package is imported in its own place only',
  check,
  bad: [
    { files: { 'lib/plan/a.ts': "import { map } from 'rxjs';" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'lib/plan/a.ts': "import type { Observable } from 'rxjs';" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'lib/model/op.ts': "import { type Observable } from 'rxjs';" }, found: ['lib/model/op.ts:1'] },
    { files: { 'store/a.ts': "import { Subject } from 'rxjs';" }, found: ['store/a.ts:1'] },
    { files: { 'operators/a.ts': "import { open } from 'lmdb';" }, found: ['operators/a.ts:1'] },
    { files: { 'operators/a.ts': "const { open } = await import('lmdb');" }, found: ['operators/a.ts:1'] },
    { files: { 'lib/model/a.ts': "import fc from 'fast-check';" }, found: ['lib/model/a.ts:1'] },
    { files: { 'lib/plan/a.ts': "import { encode } from 'cborg';" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'lib/plan/a.ts': "import 'left-pad';" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'lib/kernel/a.ts': "import { readFileSync } from 'node:fs';" }, found: ['lib/kernel/a.ts:1'] },
    { files: { 'store/a.ts': "import { join } from 'path';" }, found: ['store/a.ts:1'] },
  ],
  good: {
    'lib/model/op.ts': "import type { OperatorFunction } from 'rxjs';",
    'lib/kernel/a.ts': "import { createHash } from 'node:crypto';\nimport { encode } from 'cborg';\nconst text = \"import x from 'lmdb'\";",
    'operators/a.ts': "import { Subject } from 'rxjs';\n// import { open } from 'lmdb';",
    'store/a.ts': "import { open } from 'lmdb';\nimport { join } from 'node:path';",
    'spec/kit/a.ts': "import fc from 'fast-check';",
  },
};
