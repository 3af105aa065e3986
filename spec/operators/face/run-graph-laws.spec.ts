import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  graph,
  input,
  list,
  materialize,
  op,
  optional,
  runGraph,
  source,
  type StepError,
} from '../../../index.ts';
import { worldCase } from '../../kit/arbitraries.ts';
import { defineWorld } from '../../kit/define-world.ts';
import { untyped } from '../rig/untyped.ts';

type Values = Readonly<Record<string, unknown>>;

test('the same graph gives the same in runGraph and as assets, nested and failing ones too', async () => {
  const seen = { values: 0, failures: 0 };
  await fc.assert(
    fc.asyncProperty(worldCase({ maxRuns: 1, maxSteps: 7 }), async ({ world, runs }) => {
      const defs = defineWorld(world);
      const [definition] = defs.definitions;
      const select = [...(runs[0]?.select ?? [])];
      if (definition === undefined) throw new Error('a world has a definition');
      const result = await materialize(defs, untyped({ sources: world.sources, select, throwOnFailure: false }));
      const inputs = Object.fromEntries(Object.keys(definition.graph.inputs).map((name) => [name, world.sources[name]]));
      const ran: unknown = await runGraph(untyped(definition.graph), inputs, untyped({ select })).catch((error: unknown) => ({ error }));
      const { error } = untyped<{ readonly error?: StepError }>(ran);
      const same = result.errors.filter(({ details }) => details['step'] === error?.details['step']);
      expect(error === undefined).toBe(result.errors.length === 0);
      expect(same.map(({ code, message }) => [code, message])).toEqual(error === undefined ? [] : [[error.code, error.message]]);
      const made = [...result.outcomes].filter(([, outcome]) => outcome === 'materialized').map(([key]) => key);
      const values = await Promise.all(made.map(async (key) => [key, await result.value(untyped(key))] as const));
      expect(error === undefined ? ran : {}).toEqual(error === undefined ? Object.fromEntries(values) : {});
      if (error !== undefined) seen.failures += 1;
      else seen.values += values.length;
    }),
    { numRuns: 200 },
  );
  // Or the law would hold of nothing.
  expect(seen.values).toBeGreaterThan(100);
  expect(seen.failures).toBeGreaterThan(10);
});

/** Reads lists in every way in which a graph can pass them on: whole, among other handles, twice, in a nested graph, as order alone. */
function listReader() {
  const join = op({
    name: 'join',
    inputs: { all: list<number>(), more: list<number>({ optional: true }) },
    run: ({ all, more }) => [...all, '/', ...more].join(),
  });
  const twice = op({ name: 'twice', inputs: { x: input<number>() }, run: ({ x }) => x * 2 });
  const odd = op({
    name: 'odd',
    inputs: { x: input<number>() },
    outputs: { y: optional<number>() },
    run: ({ x }) => (x % 2 === 1 ? { y: x } : {}),
  });
  const nested = graph('nested', { inputs: { xs: list<number>(), y: input<number>() } }, ({ xs, y }) => ({
    joined: join({ all: [y, xs], more: xs }),
  }));
  return graph('reader', { inputs: { xs: list<number>(), ys: list<number>(), x: input<number>() } }, ({ xs, ys, x }) => ({
    whole: join({ all: xs, more: ys }),
    among: join({ all: [odd({ x }).y, xs, twice({ x }), ys] }),
    inner: nested({ xs: ys, y: x }).joined,
  }));
}

test('a list of n entries in runGraph is what n assets wired to it would be', async () => {
  const entries = fc.array(fc.nat({ max: 9 }), { maxLength: 6 });
  const reader = listReader();
  await fc.assert(
    fc.asyncProperty(entries, entries, fc.nat({ max: 9 }), async (xs, ys, x) => {
      // As assets, with a list wired by hand around the same graph.
      const keys = (name: string, all: readonly number[]): readonly string[] => all.map((_, index) => `${name}${index}`);
      const names = [...keys('xs', xs), ...keys('ys', ys), 'x'];
      const around = graph('around', { inputs: Object.fromEntries(names.map((name) => [name, input<number>()])) }, (given) =>
        reader(untyped({ xs: keys('xs', xs).map((name) => given[name]), ys: keys('ys', ys).map((name) => given[name]), x: given['x'] })),
      );
      const values = Object.fromEntries([
        ...xs.map((value, index) => [`xs${index}`, value] as const),
        ...ys.map((value, index) => [`ys${index}`, value] as const),
        ['x', x] as const,
      ]);
      const defs = define({ assets: [...names.map((name) => source(name)), assetsFromGraph(around)] });
      const result = await materialize(defs, untyped({ sources: values }));
      const asAssets: [string, unknown][] = [];
      for (const key of ['whole', 'among', 'inner']) {
        if (untyped<ReadonlyMap<string, string>>(result.outcomes).get(key) === 'materialized')
          asAssets.push([key, await result.value(untyped(key))]);
      }
      const ran: Values = await runGraph(reader, { xs, ys, x });
      expect(ran).toEqual(Object.fromEntries(asAssets));
      expect(ran['whole']).toBe([...xs, '/', ...ys].join());
    }),
    { numRuns: 60 },
  );
});
