import fc from 'fast-check';
import { assembleCase, type GraphSeed, type InputSeed, type NodeSeed, type StepSeed } from './assemble-case.ts';
import type { DrawnCase, Kind } from './drawn-case.ts';

const NESTING = 2;

/** Cases that Dagster can be asked too: up to three definitions that read each other's assets, with graphs nested two deep. */
export function drawnCase(): fc.Arbitrary<DrawnCase> {
  const nodes = (maxLength: number): fc.Arbitrary<readonly NodeSeed[]> =>
    fc.array(nodeSeed(NESTING), { minLength: 1, maxLength, size: 'max' });
  return fc
    .record({
      definitions: fc.oneof(
        nodes(6).map((only) => [only]),
        fc.array(nodes(3), { minLength: 2, maxLength: 3 }),
      ),
      source: fc.nat({ max: 999 }),
      chosen: fc.array(fc.nat({ max: 2 ** 16 - 1 }), { minLength: 3, maxLength: 3 }),
    })
    .map(({ definitions, source, chosen }) => assembleCase(definitions, source, chosen));
}

function nodeSeed(nesting: number): fc.Arbitrary<NodeSeed> {
  const step = stepSeed();
  return nesting === 0 ? step : fc.oneof({ weight: 4, arbitrary: step }, { weight: 1, arbitrary: graphSeed(nesting - 1) });
}

function stepSeed(): fc.Arbitrary<StepSeed> {
  return fc.record({
    inputs: fc.array(inputSeed('value', 'value', 'value', 'list', 'nothing'), { maxLength: 2 }),
    // Dagster fails where a required output that is not in need is left out, and where it is emitted; so few are required.
    outputs: fc.array(fc.record({ required: fc.nat({ max: 2 }).map((n) => n === 2), isShown: fc.boolean() }), {
      minLength: 1,
      maxLength: 2,
    }),
    body: fc.constantFrom('selected', 'selected', 'selected', 'selected', 'selected', 'tuple', 'data', 'fail', 'omit', 'collapse'),
    k: fc.nat({ max: 9_999 }),
  });
}

function graphSeed(nesting: number): fc.Arbitrary<GraphSeed> {
  return fc.record({
    inputs: fc.array(inputSeed('value', 'value', 'list'), { maxLength: 2 }),
    shown: fc.nat({ max: 15 }),
    nodes: fc.array(nodeSeed(nesting), { minLength: 1, maxLength: 3 }),
  });
}

function inputSeed(...kinds: readonly Kind[]): fc.Arbitrary<InputSeed> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    offsets: fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 2 }),
    // Dagster can plan few subsets of a list that reads inputs of its graph.
    readsInputs: fc.nat({ max: 9 }).map((n) => n === 9),
  });
}
