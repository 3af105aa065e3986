import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';

/** The five doors: what users import, and the file behind each name. */
export const doorFiles: Readonly<Record<string, string>> = {
  sluice: 'index.ts',
  'sluice/operators': 'operators/index.ts',
  'sluice/store': 'store/index.ts',
  'sluice/store/memory': 'lib/memory/index.ts',
  'sluice/testing': 'spec/kit/index.ts',
};

const files = new Set(Object.values(doorFiles));
// What the kit stands on is the public face, so it may use it as users do. The store's door would load native code.
const openToKit = new Set(['index.ts', 'operators/index.ts', 'lib/memory/index.ts']);

/** In the sources: no barrels but the doors, and nobody inside goes through a door. */
function checkSource({ path, imports }: SourceFile): readonly Finding[] {
  const misplaced =
    path.endsWith('/index.ts') && !files.has(path)
      ? [{ path, line: 1, message: 'index.ts is for doors, use a file named after its export' }]
      : [];
  const through = imports.flatMap(({ target = '', specifier, line }) => {
    const byName = specifier === 'sluice' || specifier.startsWith('sluice/');
    if (!byName && (!files.has(target) || (path.startsWith('spec/kit/') && openToKit.has(target)))) return [];
    return [{ path, line, message: `imports the door ${specifier}, use the file behind it` }];
  });
  return [...misplaced, ...through];
}

/** Examples are written as users would write them: doors, by package name. One may build on another, which is better than a copy of it. */
function checkExample({ path, imports }: SourceFile): readonly Finding[] {
  return imports.flatMap(({ target, specifier, line }) => {
    const outside = target !== undefined && !target.startsWith('examples/');
    const notADoor = specifier.startsWith('sluice/') && doorFiles[specifier] === undefined;
    if (!outside && !notADoor) return [];
    return [{ path, line, message: `imports ${specifier}, use a door: ${Object.keys(doorFiles).join(', ')}` }];
  });
}

/** Code in pages of documentation: what readers copy has to resolve on their side. */
function checkPage({ path, text }: SourceFile): readonly Finding[] {
  let inCode = false;
  return text.split('\n').flatMap((content, index) => {
    if (/^\s*```/.test(content)) inCode = !inCode;
    const specifier = inCode ? /(?:from|import\(|import) ?(['"])((?:sluice|\.\.?)(?:\/[^'"]*)?)\1/.exec(content)?.[2] : undefined;
    if (specifier === undefined || doorFiles[specifier] !== undefined || specifier.startsWith('./')) return [];
    return [{ path, line: index + 1, message: `shows an import of ${specifier}, use a door: ${Object.keys(doorFiles).join(', ')}` }];
  });
}

function check(all: readonly SourceFile[]): readonly Finding[] {
  return all.flatMap((file) => {
    if (isSource(file)) return checkSource(file);
    if (file.path.startsWith('examples/')) return checkExample(file);
    return file.path.endsWith('.md') ? checkPage(file) : [];
  });
}

/** Users come in by five doors and see nothing else; the house itself does not use them. */
export const doors: Rule = {
  name: 'users come in by the doors, and nothing inside does',
  check,
  bad: [
    { files: { 'lib/plan/index.ts': '' }, found: ['lib/plan/index.ts:1'] },
    { files: { 'operators/a.ts': "import { memory } from '../lib/memory/index.ts';" }, found: ['operators/a.ts:1'] },
    { files: { 'index.ts': "export { x } from './operators/index.ts';" }, found: ['index.ts:1'] },
    { files: { 'lib/plan/a.ts': "import { op } from 'sluice';" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'spec/kit/a.ts': "import { openStore } from '../../store/index.ts';" }, found: ['spec/kit/a.ts:1'] },
    { files: { 'examples/quakes/main.ts': "import { op } from '../../index.ts';" }, found: ['examples/quakes/main.ts:1'] },
    { files: { 'examples/quakes/main.ts': "import { op } from 'sluice/lib/model/op';" }, found: ['examples/quakes/main.ts:1'] },
    { files: { 'docs/a.md': "Text\n```ts\nimport { op } from 'sluice/model';\n```" }, found: ['docs/a.md:3'] },
    { files: { 'README.md': "```ts\nimport { op } from '../lib/model/op.ts';\n```" }, found: ['README.md:2'] },
  ],
  good: {
    'index.ts': "export { op } from './lib/model/op.ts';",
    'spec/kit/a.ts': "import { op } from '../../index.ts';",
    'spec/plan/a.spec.ts': "import { op } from '../../index.ts';",
    'examples/quakes/main.ts': "import { op } from 'sluice';\nimport { feed } from './feed.ts';\nimport { of } from 'rxjs';",
    'examples/live/main.ts': "import { quakes } from '../quakes/feed.ts';",
    'docs/a.md': "```ts\nimport { openStore } from 'sluice/store';\nimport { mine } from './mine.js';\n```\nimport x from '../lib'",
  },
};
