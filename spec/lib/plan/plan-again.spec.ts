import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, op, plan, resource, assetsFromGraph, graph, source } from '../../../index.ts';
import { expectSelectionError } from './selection-refusal.ts';

const rate = resource<number>('rate');
const priced = op({ name: 'priced', resources: { rate }, run: (_, { resources }) => resources.rate });
const prices = graph('prices', () => priced());

const two = () => define({ assets: [asset({ key: 'a', run: () => 1 }), asset({ key: 'b', run: () => 2 }), source('s')] });

describe('planning the same again', () => {
  test('gives the very plan that is there', () => {
    const defs = two();
    const planned = plan(defs, { mode: 'refresh' });
    expect(plan(defs, { mode: 'refresh' })).toBe(planned);
    expect(plan(defs, { mode: 'refresh', select: ['b', 'a'] })).toBe(planned);
    expect(plan(two(), { mode: 'refresh' })).not.toBe(planned);
  });

  test('gives another one where anything else is asked', () => {
    const defs = two();
    const planned = plan(defs);
    const others = [
      plan(defs, { mode: 'refresh' }),
      plan(defs, { select: ['a'] }),
      plan(defs, { unselectedOutputs: 'error' }),
      plan(defs, { inGraphUpstream: 'recompute' }),
      plan(defs, { crossGraphUpstream: 'auto' }),
    ];
    expect(new Set([planned, ...others]).size).toBe(6);
    expect(new Set([planned, ...others].map(({ hash }) => hash)).size).toBe(6);
    expect(plan(defs).hash).toBe(planned.hash);
  });

  test('asks for resources again: a plan that was given them is none without', () => {
    const given = define({ assets: [assetsFromGraph(prices)] });
    const [one, other] = [plan(given, { resources: [rate.value(1)] }), plan(given, { resources: [rate.value(2)] })];
    expect(other.resources).not.toBe(one.resources);
    expect(other.steps).toBe(one.steps);
    expectSelectionError(() => plan(given), 'MISSING_RESOURCE', 'Nothing provides the resource "rate"');
    const provided = define({ assets: [assetsFromGraph(prices)], resources: [rate.value(3)] });
    const own = plan(provided, { resources: [rate.value(4)] });
    expect(plan(provided)).not.toBe(own);
    expect(plan(provided)).toBe(plan(provided));
  });

  test('asks for config again, also where its default is another one each time', () => {
    let made = 0;
    const config = z.number().default(() => (made += 1));
    const defs = define({ assets: [asset({ key: 'a', config, run: () => 1 })] });
    expect([plan(defs), plan(defs)].map(({ steps }) => steps[0]?.config?.value)).toEqual([1, 2]);
    expectSelectionError(() => plan(two(), { config: { ops: { a: 1 } } }), 'INVALID_CONFIG', 'takes none');
  });
});
