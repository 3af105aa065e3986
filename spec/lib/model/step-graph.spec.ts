import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, list, op, source } from '../../../index.ts';
import type { Handle } from '../../../index.ts';
import type { AssetKey } from '../../../lib/model/asset-key.ts';
import { predecessorsOf, type Step } from '../../../lib/model/step-graph.ts';
import { addOne, pair, two } from './ops.ts';

describe('the steps of all definitions', () => {
  test('are named by their path, and by definition:path where more than one definition has steps', () => {
    const g = graph('g', () => ({ a: two(), b: addOne({ x: pair().left }) }));
    expect(define({ assets: [source('s'), assetsFromGraph(g)] }).graph.steps.map(({ id }) => id)).toEqual(['two', 'pair', 'add_one']);
    const other = asset({ key: 'x/y', run: () => 1 });
    expect(define({ assets: [other, assetsFromGraph(g)] }).graph.steps.map(({ id }) => id)).toEqual([
      'x/y:y',
      'g:two',
      'g:pair',
      'g:add_one',
    ]);
  });

  test('carry keys on the outputs that are assets, and on no other', () => {
    const g = graph('g', () => pair().right);
    const { graph: steps } = define({ assets: [assetsFromGraph(g)] });
    expect(steps.steps[0]?.outputs.map(({ name, key }) => [name, key])).toEqual([
      ['left', undefined],
      ['right', 'right'].map((part, index) => (index === 0 ? part : 'g')),
    ]);
  });

  test('read across definitions where a key is another one’s asset', () => {
    const b = asset({ key: 'b', inputs: { a: input<number>(), s: input<number>() }, run: ({ a }) => a });
    const a = asset({ key: 'a', run: () => 1 });
    const { graph: steps } = define({ assets: [b, source('s'), a] });
    expect(steps.steps.map(({ id }) => id)).toEqual(['a:a', 'b:b']);
    expect(steps.steps[1]?.inputs.map(({ entries }) => entries)).toEqual([
      [{ from: 'step', step: 0, output: 0 }],
      [{ from: 'source', key: 's' }],
    ]);
  });

  test('are frozen', () => {
    const { graph: steps } = define({ assets: [asset({ key: 'a', inputs: { s: input() }, run: () => 1 }), source('s')] });
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(steps.steps.every(({ inputs, outputs, ...rest }) => frozen(inputs) && frozen(outputs) && frozen(rest.after))).toBe(true);
    expect(Object.isFrozen(steps.steps) && steps.steps.every((step) => Object.isFrozen(step))).toBe(true);
  });
});

const weigh = (name: string) => op({ name, inputs: { xs: list<number>() }, run: () => 1 });
const world = fc.array(fc.record({ reads: fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), asset: fc.boolean() }), {
  minLength: 1,
  maxLength: 25,
});

/** What reaches a step without passing through another asset, by walking every path: slow, and plain to see. */
function reaching(steps: readonly Step[], index: number): ReadonlySet<AssetKey> {
  const found = new Set<AssetKey>();
  for (const entry of (steps[index]?.inputs ?? []).flatMap(({ entries }) => entries)) {
    if (entry.from === 'source') found.add(entry.key);
    else {
      const key = steps[entry.step]?.outputs[entry.output]?.key;
      for (const each of key === undefined ? reaching(steps, entry.step) : [key]) found.add(each);
    }
  }
  return found;
}

describe('for any graph', () => {
  const build = (nodes: readonly { readonly reads: readonly number[]; readonly asset: boolean }[]) => {
    const g = graph('g', { inputs: { up: input<number>(), other: input<number>() } }, ({ up, other }) => {
      const made: Handle<number>[] = [up, other];
      nodes.forEach(({ reads }, index) => {
        const sources = new Set(reads.map((read) => made[read % made.length] ?? up));
        made.push(weigh(`op${index}`)({ xs: [...sources] }));
      });
      const out: Record<string, Handle<number>> = { last: weigh('last')({ xs: made }) };
      nodes.forEach(({ asset: isAsset }, index) => {
        const handle = made[index + 2];
        if (isAsset && handle !== undefined) out[`o${index}`] = handle;
      });
      return out;
    });
    return define({ assets: [assetsFromGraph(g), source('up'), source('other')] });
  };

  test('every step comes after everything that it reads', () => {
    fc.assert(
      fc.property(world, (nodes) => {
        for (const step of build(nodes).graph.steps) expect(predecessorsOf(step).every((before) => before < step.index)).toBe(true);
      }),
    );
  });

  test('the deps of an asset are what reaches it without passing through another asset (D3)', () => {
    fc.assert(
      fc.property(world, (nodes) => {
        const { assets, graph: steps } = build(nodes);
        for (const { deps, step } of assets.values()) expect(new Set(deps)).toEqual(reaching(steps.steps, step));
      }),
    );
  });
});
