import { epoch, histories, need, subset } from './killers.ts';
import type { Mutant } from './mutant.ts';

const NEED = 'lib/plan/need.ts';
const EPOCH = 'lib/epoch/bitset-epoch.ts';
const WORLDS = 'on random worlds of several definitions';
const SMALL = 'on every world of 2 steps';

/** What a selection needs, and who may start when. */
export const planMutants: readonly Mutant[] = [
  {
    name: 'no-ancestor-guard',
    wrong: 'X1: beside a running step, one starts whose inputs have not settled',
    edits: [
      {
        file: EPOCH,
        from: 'const blocker = this.#runningCount === 0 ? -1 : this.#nearestBlocker(node);',
        to: 'const blocker = this.#runningCount < 0 ? this.#nearestBlocker(node) : -1;',
      },
    ],
    killers: [...epoch('glitch-free', 'gives the answers'), ...subset('confluence'), ...histories('I12')],
  },
  {
    name: 'guard-against-what-is-read-only',
    wrong: 'X1: a step waits for what it reads itself, and not for what comes before that',
    edits: [{ file: EPOCH, from: '      set.addAll(known);\n', to: '' }],
    killers: epoch('glitch-free', 'gives the answers'),
  },
  {
    name: 'stale-dirty-word',
    wrong: 'X1: a step that becomes free again below where the search stands is never found, and the run hangs or ends early',
    edits: [
      {
        file: 'lib/epoch/node-set.ts',
        from: 'if (word < this.#low) this.#low = word;',
        to: 'if (this.#low === this.words.length) this.#low = word;',
      },
    ],
    killers: [...epoch('liveness', 'gives the answers')],
  },
  {
    name: 'need-without-siblings',
    wrong: 'N3: of a step with several outputs in need, only the first one found is asked for',
    edits: [{ file: NEED, from: '    else known.add(output);\n', to: '' }],
    killers: subset('S3', 'S5', 'S6', 'S8'),
  },
  {
    name: 'need-per-op',
    wrong: 'N4: a step that is in need is asked for all of its outputs',
    edits: [
      {
        file: NEED,
        from: 'need.set(step, new Set([output]));',
        to: 'need.set(step, new Set(defs.graph.steps[step]?.outputs.keys()));',
      },
    ],
    killers: [...need('of baz_asset alone'), ...subset('S3', WORLDS)],
  },
  {
    name: 'need-without-order',
    wrong: 'N3: what a step waits for, and reads nothing of, is not in need',
    edits: [
      {
        file: NEED,
        from: 'step.inputs.flatMap(({ entries }) => entries)',
        to: "step.inputs.flatMap(({ kind, entries }) => (kind === 'nothing' ? [] : entries))",
      },
    ],
    killers: [...subset('S3', WORLDS)],
  },
  {
    name: 'selected-upstream-is-loaded',
    wrong: 'N6: under "load", an asset that the run makes anew is read from the store: a stale value beside a fresh one',
    edits: [{ file: NEED, from: 'if (key === undefined || selection.has(key))', to: 'if (key === undefined)' }],
    killers: subset(SMALL),
  },
  {
    name: 'in-graph-policy-ignored',
    wrong: 'N6: "load" is taken for "recompute" inside of a graph',
    edits: [
      {
        file: NEED,
        from: "return policy === 'load' ?",
        to: "return policy === 'load' && producer.definition !== reader.definition ?",
      },
    ],
    killers: [...subset(SMALL, WORLDS)],
  },
  {
    name: 'several-definitions-read-torn',
    wrong: 'N5: a refresh loads assets of other definitions as they were, also where it would make them anew',
    edits: [
      {
        file: NEED,
        from: "return policy === 'load' ?",
        to: "return policy === 'load' || producer.definition !== reader.definition ?",
      },
    ],
    killers: [...subset('S8', 'S11'), ...histories('where every value can be kept')],
  },
  {
    name: 'a-part-of-what-cannot-be-subset',
    wrong: 'N2: a part of a definition that makes its assets together is run without a word',
    edits: [{ file: 'lib/plan/selection.ts', from: 'if (canSubset) continue;', to: 'if (canSubset || name !== "") continue;' }],
    killers: subset('S15'),
  },
  {
    name: 'missing-value-noticed-late',
    wrong: 'N7: a run starts although a value that it has to load is not there',
    edits: [
      {
        file: 'operators/run/resolve.ts',
        from: '  checkNothingMissing(plan, wanted, supply);\n',
        to: '  if (plan.steps.length < 0) checkNothingMissing(plan, wanted, supply);\n',
      },
    ],
    killers: subset(SMALL, WORLDS),
  },
];
