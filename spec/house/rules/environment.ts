import type { Finding, Rule } from '../rule.ts';
import { isSource, type SourceFile } from '../source-file.ts';

const allowed = 'operators/run/environment.ts';
/** A door is where the world comes in: the memory store takes the time there, and only by default. */
const door = 'lib/memory/index.ts';

/** What differs from run to run and machine to machine, as runs of tokens. */
const ambient: readonly (readonly string[])[] = [
  ['Math', '.', 'random'],
  ['Date', '.', 'now'],
  ['new', 'Date', '(', ')'],
  ['performance', '.', 'now'],
  ['process', '.', 'env'],
  ['process', '.', 'hrtime'],
  ['process', '.', 'pid'],
  ['randomUUID'],
  ['randomBytes'],
];

function check(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => isSource(file) && /^(lib|operators)\//.test(file.path) && file.path !== allowed && file.path !== door)
    .flatMap(({ path, code }) =>
      code.flatMap(({ line }, at) => {
        const found = ambient.find((words) => words.every((word, offset) => code[at + offset]?.text === word));
        return found === undefined
          ? []
          : [{ path, line, message: `${found.join('')} in pure code, use the environment that the run is given (${allowed})` }];
      }),
    );
}

/** Clock, chance and environment come in as arguments, so that a run can be replayed. */
export const environment: Rule = {
  name: 'lib and operators ask nobody for the time, for chance or for settings',
  check,
  bad: [
    { files: { 'lib/plan/a.ts': 'const a =\n  Math.random();' }, found: ['lib/plan/a.ts:2'] },
    { files: { 'operators/run/a.ts': 'const a = Date.now();' }, found: ['operators/run/a.ts:1'] },
    { files: { 'operators/run/a.ts': 'const a = new Date();' }, found: ['operators/run/a.ts:1'] },
    { files: { 'lib/plan/a.ts': "if (process.env['DEBUG']) log();" }, found: ['lib/plan/a.ts:1'] },
    { files: { 'lib/plan/a.ts': 'const id = crypto.randomUUID();' }, found: ['lib/plan/a.ts:1'] },
  ],
  good: {
    'operators/run/environment.ts': 'export const now = () => Date.now();',
    'lib/plan/a.ts': "// Date.now() is not for us\nconst text = 'Math.random()';\nconst at = new Date(0);",
    'store/a.ts': 'const a = Date.now();',
  },
};
