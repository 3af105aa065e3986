import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, list, materialize, op, plan, run, type Definitions } from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

const zero = op({ name: 'zero', run: () => 0 });
const next = op({ name: 'next', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
const later = op({ name: 'later', inputs: { x: input<number>() }, run: async ({ x }) => x + 1 });
const sum = op({ name: 'sum', inputs: { xs: list<number>() }, run: ({ xs }) => xs.reduce((total, x) => total + x, 0) });

/** One asset at the end of a chain of steps. */
function chainOf(length: number, link: typeof next): Definitions {
  return define({
    assets: [
      assetsFromGraph(
        graph('chain', () => {
          let handle: Handle<number> = zero();
          for (let index = 0; index < length; index += 1) handle = link.as(`n${index}`)({ x: handle });
          return { end: handle };
        }),
      ),
    ],
  });
}

describe('runs take any size', () => {
  test.each<[string, typeof next]>([
    ['synchronous', next],
    ['asynchronous', later],
  ])('10,000 %s steps in a chain', async (_, link) => {
    const result = await materialize(chainOf(10_000, link));
    expect(result.value('end')).toBe(10_000);
    expect(result.steps.size).toBe(10_001);
  });

  test('a failure at the top of 10,000 steps blocks all of them, and each one names it', async () => {
    const fails = op({
      name: 'zero',
      run: (): number => {
        throw new Error('x');
      },
    });
    const defs = define({
      assets: [
        assetsFromGraph(
          graph('chain', () => {
            let handle: Handle<number> = fails();
            for (let index = 0; index < 10_000; index += 1) handle = next.as(`n${index}`)({ x: handle });
            return { end: handle };
          }),
        ),
      ],
    });
    const result = await materialize(defs, { throwOnFailure: false });
    expect(result.outcome('end')).toBe('blocked');
    expect(result.steps.get('n9999')?.blockedBy).toEqual(['zero']);
  });

  test('10,000 steps that do not wait for each other, half of them asynchronous, all of them assets', async () => {
    const wide = graph('wide', () =>
      Object.fromEntries(
        Array.from({ length: 5_000 }, (_, index) => {
          const first = zero.as(`z${index}`)();
          return [[`a${index}`, first] as const, [`b${index}`, later.as(`l${index}`)({ x: first })] as const];
        }).flat(),
      ),
    );
    const store = memoryStore();
    const result = await materialize(define({ assets: [assetsFromGraph(wide)] }), { store });
    expect(result.outcomes.size).toBe(10_000);
    expect(new Set(result.outcomes.values())).toEqual(new Set(['materialized']));
    expect(await store.port.head()).toBe(20_002);
  });

  test('2,000 entries in one fan-in, in order', async () => {
    const collect = op({ name: 'collect', inputs: { xs: list<number>() }, run: ({ xs }) => xs });
    const g = graph('fan', () => ({
      all: collect({
        xs: Array.from({ length: 2_000 }, (_, index) =>
          (index % 2 === 0 ? next : later).as(`n${index}`)({ x: op({ name: `c${index}`, run: () => index })() }),
        ),
      }),
    }));
    const result = await materialize(define({ assets: [assetsFromGraph(g)] }));
    expect(result.value('all')).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
  });

  test('2,000 inputs of one op', async () => {
    const names = Array.from({ length: 2_000 }, (_, index) => `i${index}`);
    const reads = op({
      name: 'reads',
      inputs: Object.fromEntries(names.map((name) => [name, input<number>()])),
      run: (inputs) => Object.keys(inputs).length,
    });
    const g = graph('wide', () => {
      const value = zero();
      return { out: reads(Object.fromEntries(names.map((name) => [name, value]))) };
    });
    expect((await materialize(define({ assets: [assetsFromGraph(g)] }))).value('out')).toBe(2_000);
  });

  test('a ladder whose every rung reads all rungs before it', async () => {
    const g = graph('ladder', () => {
      const rungs: Handle<number>[] = [op({ name: 'start', run: () => 1 })()];
      for (let index = 0; index < 30; index += 1) rungs.push(sum.as(`s${index}`)({ xs: [...rungs] }));
      return { top: rungs.at(-1) ?? rungs[0] ?? zero() };
    });
    expect((await materialize(define({ assets: [assetsFromGraph(g)] }))).value('top')).toBe(2 ** 29);
  });

  test('a run of 2,000 steps can be cancelled in the middle, and every step is accounted for', async () => {
    const controller = new AbortController();
    const made = plan(untyped<Definitions>(chainOf(2_000, later)));
    let started = 0;
    const events$ = run(made, { signal: controller.signal });
    const watching = watchRun(events$);
    events$.subscribe({
      next: ({ type }) => {
        if (type === 'step-started' && (started += 1) === 1_000) controller.abort();
      },
    });
    const { events } = await watching;
    expect(events.at(-1)).toMatchObject({ type: 'run-ended', status: 'cancelled' });
    expect(ofType(events, 'asset-cancelled')).toHaveLength(1);
  });
});

describe('keys of any kind', () => {
  const keys: readonly (readonly string[])[] = [
    ['🐟🐠', '👩‍👩‍👧‍👦'],
    ['__proto__'],
    ['constructor', 'prototype'],
    ['hasOwnProperty'],
    ['x'.repeat(900), 'é'.repeat(450)],
    [' ', '.', '..', '~', '%2F', '\\'],
    ['\u0000', '\n', '"'],
    ['toString', 'valueOf', '0'],
  ];

  test('are made, stored, loaded and read under exactly that key', async () => {
    const store = memoryStore();
    for (const key of keys) {
      const printed = key.join('/');
      const defs = untyped<Definitions>(
        define({
          assets: [
            asset({ key, name: 'made', run: () => printed }),
            asset({
              key: [...key, 'below'],
              name: 'below',
              inputs: { up: input<string>() },
              keysByInputName: { up: key },
              run: ({ up }) => up,
            }),
          ],
        }),
      );
      await materialize(defs, { store, select: [printed] });
      const result = await materialize(defs, { store, select: [`${printed}/below`] });
      expect(result.value(`${printed}/below`)).toBe(printed);
      expect(result.outcome(`${printed}/below`)).toBe('materialized');
      expect(await store.value(key)).toBe(printed);
      expect(await store.value(printed)).toBe(printed);
    }
    const recorded = ofType(await logOf(store), 'asset-materialized').map(({ key }) => key);
    expect(recorded).toEqual(keys.flatMap((key) => [key.join('/'), `${key.join('/')}/below`]));
  });

  test('a source under such a key is observed, read and given like any other', async () => {
    const { source } = await import('../../../index.ts');
    for (const key of keys) {
      const printed = key.join('/');
      const defs = untyped<Definitions>(
        define({
          assets: [
            source(key),
            asset({ key: 'out', inputs: { feed: input<string>() }, keysByInputName: { feed: key }, run: ({ feed }) => feed }),
          ],
        }),
      );
      const given = Object.fromEntries([[printed, printed]]);
      expect((await materialize(defs, { sources: given })).value('out')).toBe(printed);
    }
  });
});
