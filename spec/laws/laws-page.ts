import type { Law } from '../kit/law.ts';
import { laws } from '../kit/laws.ts';
import { mutants } from '../mutants/all-mutants.ts';
import { beginsWith } from '../mutants/mutant.ts';

const INTRODUCTION = `# Laws

What holds for every graph, every selection and every history: this page is made from the list in \`sluice/testing\` (\`laws\`) by \`npm run laws\`, and a
test says when it is out of date. Each law is tried on random cases and, as far as they are few, on all of them; none needs to know a right
answer beforehand. [SEMANTICS.md](SEMANTICS.md) has the rules that they follow from.

A law is worth what it catches: behind _killed_ stand the engines that are broken on purpose and that the law notices (\`npm run mutants\`).
To try what the laws say on definitions of your own, see [property testing](guide/property-testing.md).

A law with a line _call it_ is also a property that anybody can assert with fast-check, over made-up worlds, for example on a store of one’s own:
\`fc.assert(law.property({ store }), { numRuns: 100 })\` ([how](guide/property-testing.md#laws)). The others take kills, processes, changing code or a disk,
and are tried by the specs named alone.
`;

const LIVE = `Laws of services that stay up; rules L1 to L6 of [SEMANTICS.md](SEMANTICS.md) are others. Each holds for any arrivals, chunks and epoch policies, whichever
step or write ends first; those of the disk are tried by killing real processes, too ([TORTURE.md](TORTURE.md)).
`;

/** docs/LAWS.md, as it has to be. */
export function lawsPage(): string {
  const part = (letter: string): string =>
    laws
      .filter(({ id }) => id.startsWith(letter))
      .map(section)
      .join('\n');
  return [INTRODUCTION, '## Subsets\n', part('S'), '## Runs that remember\n', part('I'), '## Live mode\n', LIVE, part('L')].join('\n');
}

function section({ id, name, statement, why, broken, spec, title, property }: Law): string {
  const killed = [...mutants.values()].filter(({ killers }) =>
    killers.some((each) => each.spec === spec && (beginsWith(title, each.test) || each.test.startsWith(title))),
  );
  const lines = [
    `### ${id} ${name}`,
    '',
    statement,
    '',
    `- why: ${why}`,
    `- what would break it: ${broken}`,
    `- tried by: [${spec.replace('spec/', '')}](../${spec})`,
    ...(property === undefined ? [] : [`- call it: \`callableLaws.find(({ id }) => id === '${id}')\``]),
    ...(killed.length === 0 ? [] : [`- killed: ${killed.map((mutant) => `\`${mutant.name}\``).join(', ')}`]),
    '',
  ];
  return lines.join('\n');
}
