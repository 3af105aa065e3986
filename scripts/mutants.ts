/**
 * `npm run mutants [-- NAME…]`: breaks the engine on purpose, one way after the other, and says which tests notice. Every test that is named
 * as the killer of a mutant has to fail on it, and to pass on the sources as they are. Ends with `N passed, N failed`, a mutant counting one.
 */
import { mutants } from '../spec/mutants/all-mutants.ts';
import { judge, type Judgement } from '../spec/mutants/judge.ts';
import type { Killer, Mutant } from '../spec/mutants/mutant.ts';

function stop(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

function chosen(names: readonly string[]): readonly Mutant[] {
  if (names.length === 0) return [...mutants.values()];
  return names.map((name) => mutants.get(name) ?? stop(`There is no mutant ${name}. There are:\n  ${[...mutants.keys()].join('\n  ')}`));
}

const called = ({ spec, test }: Killer): string => `${spec.replace(/^spec\//, '').replace(/\.spec\.ts$/, '')} › ${test}`;

/** Without a mutant, everything has to pass: a test that always fails kills nothing. */
async function baseline(all: readonly Mutant[]): Promise<readonly Judgement[]> {
  const killers = new Map(all.flatMap(({ killers }) => killers.map((killer) => [called(killer), killer] as const)));
  const judged = await judge('', [...killers.values()]);
  return judged.filter(({ verdict }) => verdict !== 'passed');
}

const all = chosen(process.argv.slice(2));
const broken = await baseline(all);
for (const { killer, verdict } of broken)
  console.log(`no mutant: ${called(killer)}: ${verdict === 'unknown' ? 'there is no such test' : 'fails'}`);

let passed = 0;
for (const mutant of all) {
  const judged = await judge(mutant.name, mutant.killers);
  const missed = judged.filter(
    ({ verdict, killer }) => verdict !== 'failed' || broken.some((each) => called(each.killer) === called(killer)),
  );
  if (missed.length === 0) passed += 1;
  console.log(`${missed.length === 0 ? 'killed  ' : 'SURVIVES'} ${mutant.name}: ${mutant.wrong}`);
  for (const { killer, verdict } of judged) console.log(`    ${verdict === 'failed' ? 'by     ' : 'NOT by '} ${called(killer)}`);
}
console.log(`${passed} passed, ${all.length - passed} failed`);
process.exitCode = passed === all.length && broken.length === 0 ? 0 : 1;
