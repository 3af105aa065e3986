import { compileFunction } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assetsFromGraph, define, graph, input, op, source } from '../../index.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import * as testing from '../kit/index.ts';
import { sourceCode } from '../kit/source-code.ts';

const { defineWorld, history, playHistory, printHistory, printHistoryProgram, schedule, selection, storableValue, worldHistory } = testing;

/** What a printed program says of each of its runs. */
async function execute(program: string, defs?: unknown): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const body = program.replaceAll(/^import .*\n/gm, '').replaceAll('console.log(action, ', 'told(');
  const names = ['defineWorld', 'worldOp', 'playHistory', 'told', ...(defs === undefined ? [] : ['defs'])];
  // What is compiled returns the promise of an async function.
  const run = compileFunction(`return (async () => {${body}})();`, names) as (...given: readonly unknown[]) => Promise<void>;
  await run(defineWorld, testing.worldOp, playHistory, (came: unknown, fresh: unknown) => told.push([came, fresh]), defs);
  return told;
}

const made = op({
  name: 'made',
  codeVersion: '1',
  inputs: { x: input<unknown>() },
  run: ({ x }) => [x, dataVersion(x).slice(-3)],
});
const read = op({ name: 'read', codeVersion: '1', inputs: { made: input<unknown>() }, run: ({ made: given }) => ({ given }) });
const defs = define({
  assets: [
    source<unknown>('x'),
    assetsFromGraph(
      graph('both', { inputs: { x: input<unknown>() } }, ({ x }) => {
        const first = made({ x });
        return { first, second: read({ made: first }) };
      }),
      { canSubset: true },
    ),
  ],
});

describe('a made-up history', () => {
  test('of a world is played on it: what is refreshed comes out as from scratch, in whichever order bodies end', async () => {
    const met = new Map<string, number>();
    const property = fc.asyncProperty(
      worldHistory({ maxSteps: 5, maxDefinitions: 2 }),
      schedule(),
      async ({ world, history: played }, order) => {
        const runs = await playHistory(defineWorld(world), played, { schedule: order });
        for (const run of runs) expect(run.came).toEqual(run.fresh);
        expect(runs).toEqual(await playHistory(defineWorld(world), played));
        for (const { do: what } of played.actions) met.set(what, (met.get(what) ?? 0) + 1);
      },
    );
    await fc.assert(property, { numRuns: 60 });
    expect(met.size).toBe(8);
  });

  test('of definitions has values of their sources, and every run of it comes out as from scratch', async () => {
    let ran = 0;
    const property = fc.asyncProperty(history(defs, { sources: { x: storableValue() } }), async (played) => {
      for (const run of await playHistory(defs, played)) {
        expect(run.came).toEqual(run.fresh);
        ran += run.ran.length;
      }
    });
    await fc.assert(property, { numRuns: 60 });
    expect(ran).toBeGreaterThan(100);
  });

  test('finds what is no function of its inputs', async () => {
    let calls = 0;
    const counting = op({ name: 'counting', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => x + (calls += 1) });
    const bad = define({
      assets: [source<number>('x'), assetsFromGraph(graph('bad', { inputs: { x: input<number>() } }, ({ x }) => counting({ x })))],
    });
    const property = fc.asyncProperty(history(bad, { sources: { x: fc.nat({ max: 3 }) } }), async (played) => {
      for (const { came, fresh } of await playHistory(bad, played)) expect(came).toEqual(fresh);
    });
    const { counterexample } = await fc.check(property, { seed: 1 });
    // Nothing more than the run that comes last.
    expect(counterexample?.[0]).toMatchObject({ sources: { x: 0 }, actions: [{ do: 'refresh', select: ['bad'] }] });
  });

  test('does what it says: steps fail while they are broken, code runs again, values are lost', async () => {
    const all = ['first', 'second'];
    const refresh = { do: 'refresh', select: all } as const;
    const actions = [
      refresh,
      refresh,
      { do: 'code', step: 'both.read' },
      refresh,
      { do: 'break', step: 'both.made' },
      { do: 'put', source: 'x', value: 2 },
      refresh,
      { do: 'mend', step: 'both.made' },
      refresh,
      { do: 'evict', asset: 'first' },
      { do: 'code', step: 'both.read' },
      refresh,
    ] as const;
    const ids = defs.graph.steps.map(({ id }) => id);
    const named = actions.map((each) =>
      'step' in each ? { ...each, step: ids.find((id) => id.endsWith(each.step.slice(5))) ?? '' } : each,
    );
    const runs = await playHistory(defs, { sources: { x: 1 }, actions: named });
    expect(runs.map(({ ran }) => ran.map((id) => id.split(/[.:]/).at(-1)))).toEqual([
      ['made', 'read'],
      [],
      ['read'],
      ['made'],
      ['made', 'read'],
      ['made', 'read'],
    ]);
    expect(runs.map(({ came }) => Object.keys(came).length)).toEqual([2, 2, 2, 0, 2, 2]);
  });
});

describe('a history that fails', () => {
  test('is printed as a program that does what it does', async () => {
    const ofWorlds = fc.asyncProperty(worldHistory({ maxSteps: 4, maxActions: 6 }), async ({ world, history: played }) => {
      const runs = await playHistory(defineWorld(world), played);
      expect(await execute(printHistoryProgram({ world, history: played }))).toEqual(runs.map(({ came, fresh }) => [came, fresh]));
    });
    await fc.assert(ofWorlds, { numRuns: 20 });
    const ofDefinitions = fc.asyncProperty(history(defs, { sources: { x: storableValue() }, maxActions: 6 }), async (played) => {
      const runs = await playHistory(defs, played);
      expect(await execute(printHistoryProgram({ history: played }), defs)).toEqual(runs.map(({ came, fresh }) => [came, fresh]));
    });
    await fc.assert(ofDefinitions, { numRuns: 20 });
  });

  test('is played again from one string', async () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(history(defs, { sources: { x: storableValue() } }), (played) => {
        const again = testing.historyFrom(testing.historyText(played));
        expect(printHistory({ history: again })).toBe(printHistory({ history: played }));
      }),
    );
    const ofWorlds = fc.asyncProperty(worldHistory({ maxSteps: 4, maxActions: 6, holds: 0.3 }), async (played) => {
      const again = testing.worldHistoryFrom(testing.worldHistoryText(played));
      expect(printHistory(again)).toBe(printHistory(played));
      expect(await playHistory(defineWorld(again.world), again.history)).toEqual(
        await playHistory(defineWorld(played.world), played.history),
      );
    });
    await fc.assert(ofWorlds, { numRuns: 20 });
  });

  test('is printed with all of that', () => {
    const failing = <T>(arbitrary: fc.Arbitrary<T>): string =>
      fc.stringify(
        fc.check(
          fc.property(arbitrary, () => false),
          { numRuns: 1 },
        ).counterexample?.[0],
      );
    expect(failing(worldHistory({ maxSteps: 2 }))).toMatch(
      /refresh \[.*\][^]*```ts\nimport[^]*```mermaid\nflowchart[^]*again: worldHistoryFrom\('/,
    );
    expect(failing(history(defs, { sources: { x: fc.nat() } }))).toMatch(/x = 0\n[^]*import \{ defs \}[^]*again: historyFrom\('/);
  });
});

test('an expression of any storable value makes that value', () => {
  expect.hasAssertions();
  const property = fc.property(storableValue(), (value) => {
    // An expression that gives a value.
    const again = (compileFunction(`return (${sourceCode(value)});`) as () => unknown)();
    expect(dataVersion(again)).toBe(dataVersion(value));
  });
  fc.assert(property, { numRuns: 500 });
});

test('a selection is some of the assets, and never none', () => {
  const sizes = new Set<number>();
  fc.assert(
    fc.property(selection(['a', 'b', 'c', 'd']), (selected) => {
      expect(selected.length).toBeGreaterThan(0);
      sizes.add(selected.length);
    }),
  );
  expect(sizes).toEqual(new Set([1, 2, 3, 4]));
});
