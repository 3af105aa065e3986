import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';

const model = ['lib/kernel', 'lib/delta', 'lib/model'];
const events = [...model, 'lib/events'];
const siblings = ['lib/memory', 'lib/plan', 'lib/query'];
const lib = [...events, ...siblings, 'lib/epoch'];

/** What each floor may import, beside itself. A folder that is not here is not part of the house. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'lib/kernel': [],
  'lib/delta': ['lib/kernel'],
  'lib/model': ['lib/kernel', 'lib/delta'],
  'lib/events': model,
  'lib/memory': events,
  'lib/plan': events,
  'lib/query': [...events, 'lib/plan'],
  'lib/epoch': [...events, ...siblings],
  operators: lib,
  store: events,
  'spec/kit': [...lib, 'operators', 'door'],
  door: [...lib, 'operators'],
};

/** The floor of a path: a folder of lib, a top folder, or the root door. */
function floorOf(path: string): string {
  if (path === 'index.ts') return 'door';
  const [top = '', second = ''] = path.split('/');
  return top === 'lib' || path.startsWith('spec/kit/') ? `${top}/${second}` : top;
}

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files.filter(isSource).flatMap(({ path, imports }) => {
    const own = floorOf(path);
    const allowed = mayImport[own];
    if (allowed === undefined) {
      return [
        {
          path,
          line: 1,
          message: `${own}/ is no floor of the house, use one of DESIGN's folders or give it a place in ${import.meta.url.split('/').slice(-3).join('/')}`,
        },
      ];
    }
    return imports.flatMap(({ target, line }) => {
      if (target === undefined) return [];
      const other = floorOf(target);
      if (other === own || allowed.includes(other)) return [];
      const list = allowed.length === 0 ? 'nothing below it' : `only ${allowed.join(', ')}`;
      return [{ path, line, message: `${own} imports ${other}, use ${list}; what both need sinks to a floor below both` }];
    });
  });
}

/** Each folder of the sources imports only what is below it. */
export const floors: Rule = {
  name: 'each floor imports only what is below it',
  check,
  bad: [
    { files: { 'lib/kernel/a.ts': "import type { B } from '../model/b.ts';" }, found: ['lib/kernel/a.ts:1'] },
    { files: { 'lib/plan/a.ts': "\nimport { run } from '../../operators/run/run.ts';" }, found: ['lib/plan/a.ts:2'] },
    { files: { 'lib/memory/a.ts': "export { b } from '../plan/b.ts';" }, found: ['lib/memory/a.ts:1'] },
    { files: { 'lib/query/a.ts': "const b = await import('../epoch/b.ts');" }, found: ['lib/query/a.ts:1'] },
    { files: { 'store/a.ts': "import {\n  b,\n} from '../lib/plan/b.ts';" }, found: ['store/a.ts:1'] },
    { files: { 'operators/a.ts': "import type { B } from '../store/b.ts';" }, found: ['operators/a.ts:1'] },
    { files: { 'index.ts': "export { b } from './store/b.ts';" }, found: ['index.ts:1'] },
    { files: { 'lib/model/a.ts': "import { world } from '../../spec/laws/world.ts';" }, found: ['lib/model/a.ts:1'] },
    { files: { 'spec/kit/a.ts': "import { b } from '../../store/b.ts';" }, found: ['spec/kit/a.ts:1'] },
    { files: { 'lib/other/a.ts': '' }, found: ['lib/other/a.ts:1'] },
  ],
  good: {
    'index.ts': "export { plan } from './lib/plan/plan.ts';\nexport { run } from './operators/run/run.ts';",
    'lib/query/a.ts':
      "import type { Plan } from '../plan/plan.ts';\nimport { c } from './c.ts';\nimport { createHash } from 'node:crypto';",
    'store/a.ts': "import { key } from '../lib/kernel/key.ts'; // not from '../operators/x.ts'",
    'spec/kit/a.ts': "import { run } from '../../operators/run/run.ts';",
    'spec/kit/a.spec.ts': "import { openStore } from '../../store/lmdb-store.ts';",
  },
};
