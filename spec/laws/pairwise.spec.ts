import { expect, test } from 'vitest';
import { memoryStore } from '../../lib/memory/index.ts';
import { assetsOf, printCase } from '../kit/arbitraries.ts';
import { defineWorld, type DefinableStep, type DefinableWorld } from '../kit/define-world.ts';
import { pairwise, type AxesCase } from '../kit/pairwise.ts';
import type { WorldEntry, WorldInput } from '../kit/reference.ts';
import { bodyForms } from '../kit/world-body.ts';
import type { WorldRun } from '../kit/world-case.ts';
import { behaviours, worldOp } from '../kit/world-op.ts';
import { engineRuns } from '../kit/account.ts';
import { expectSame, ReferenceHistory } from './agree.ts';

/** A step that reads of another one, and one that reads of both: in how many ways they may be made. */
const axes = {
  kind: ['value', 'list', 'nothing'],
  optional: [false, true],
  hold: [false, true],
  behaviour: [...behaviours, 'throw'],
  form: bodyForms,
  readerBehaviour: ['all', 'selected', 'data', 'required', 'fail', 'late'],
  readerForm: bodyForms,
  required: [true, false],
  isAsset: [true, false],
  nesting: [0, 1, 2],
  readerNesting: [0, 1],
  definitions: [1, 2],
  x: [0, 1, 2],
  unselectedOutputs: ['discard', 'materialize', 'error'],
  inGraphUpstream: ['recompute', 'load'],
  crossGraphUpstream: ['load', 'recompute'],
  select: [['c'], ['b'], ['a', 'c'], ['a'], ['a', 'b', 'c']],
} as const;

type Case = AxesCase<typeof axes>;

interface Place {
  readonly name: string;
  readonly definition: string;
  readonly nest: readonly string[];
}

function worldOf(drawn: Case): DefinableWorld {
  const { definitions, nesting, readerNesting, isAsset, required, x } = drawn;
  const reading = definitions === 2 ? 'two' : 'one';
  const idOf = ({ definition, nest, name }: Place): string => `${definitions === 2 ? `${definition}:` : ''}${[...nest, name].join('.')}`;
  const a = { name: 'a', definition: 'one', nest: ['outer', 'inner'].slice(0, nesting) };
  const b = { name: 'b', definition: reading, nest: ['reading'].slice(0, readerNesting) };
  const c = { name: 'c', definition: reading, nest: [] };
  const first = { step: idOf(a), output: 'o0' };
  const source = { source: 'x' };
  const hold = drawn.hold && drawn.kind !== 'nothing';
  const read: WorldInput = {
    name: 'read',
    kind: drawn.kind,
    optional: drawn.optional,
    hold,
    entries: entriesOf(drawn.kind, first, source),
  };
  const value = (name: string, entry: WorldEntry): WorldInput => ({ name, kind: 'value', optional: name === 'also', entries: [entry] });
  const made = { behaviour: drawn.behaviour, form: drawn.form };
  const madeBy = { behaviour: drawn.readerBehaviour, form: drawn.readerForm };
  const steps: readonly (readonly [Place, DefinableStep])[] = [
    [a, stepOf(a, { ...made, k: 1, inputs: [value('x', source)], outputs: { o0: { required, asset: isAsset || definitions === 2 ? 'a' : undefined }, o1: { required: false, asset: undefined } } })],
    [b, stepOf(b, { ...madeBy, k: 2, inputs: [read], outputs: { result: { required: true, asset: 'b' } } })],
    [c, stepOf(c, { behaviour: 'all', form: 'record', k: 5, inputs: [value('b', { step: idOf(b), output: 'result' }), value('also', first)], outputs: { result: { required: true, asset: 'c' } } })],
  ]; // prettier-ignore
  return { sources: { x }, steps: Object.fromEntries(steps.map(([place, step]) => [idOf(place), step])) };
}

function entriesOf(kind: Case['kind'], first: WorldEntry, source: WorldEntry): readonly WorldEntry[] {
  return kind === 'value' ? [first] : [first, source];
}

type Made = Pick<DefinableStep, 'inputs' | 'outputs'> & Pick<Parameters<typeof worldOp>[0], 'behaviour' | 'form' | 'k'>;

function stepOf(place: Place, { inputs, outputs, ...made }: Made): DefinableStep {
  const op = worldOp({ name: `op_${place.name}`, inputs, outputs, ...made });
  return { ...place, op, inputs, outputs, emit: op.emit };
}

const everything = { unselectedOutputs: 'discard', inGraphUpstream: 'recompute', crossGraphUpstream: 'recompute' } as const;

/** On a store that has nothing, on one that has all, and once more on what came of that. */
function runsOf({ unselectedOutputs, inGraphUpstream, crossGraphUpstream, ...drawn }: Case, world: DefinableWorld): readonly WorldRun[][] {
  const assets = new Set(assetsOf(world));
  const select = new Set(drawn.select.filter((key) => assets.has(key)));
  const run: WorldRun = { select, unselectedOutputs, inGraphUpstream, crossGraphUpstream };
  return [[run], [{ ...everything, select: assets }, run, run]];
}

test('any two ways in which steps and runs can be made, together: engine = reference', async () => {
  let [ran, refused] = [0, 0];
  for (const drawn of pairwise(axes)) {
    const world = worldOf(drawn);
    for (const runs of runsOf(drawn, world)) {
      const [defs, store, reference] = [defineWorld(world), memoryStore(), new ReferenceHistory(world)];
      for (const each of runs) {
        const wanted = reference.run(each);
        const got = await engineRuns(defs, each, { store, sources: world.sources });
        expectSame(got, wanted, () => printCase({ world, runs }));
        if (got.refused === undefined) ran += 1;
        else refused += 1;
      }
    }
  }
  expect(ran).toBeGreaterThan(200);
  expect(refused).toBeGreaterThan(5);
});
