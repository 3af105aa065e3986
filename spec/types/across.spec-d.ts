import { describe, expectTypeOf, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, list, nothing, op, source } from '../../index.ts';
import type { AnyDefinition, Definitions, KeyOf } from '../../index.ts';

const up = asset({ key: 'up', run: () => 1 });
const inc = op({ name: 'inc', inputs: { n: input<number>() }, run: ({ n }) => n + 1 });
const fed = graph('fed', { inputs: { up: input<number>() } }, ({ up: n }) => inc({ n }));

describe('wiring between definitions', () => {
  test('takes assets of the type that they are read as', () => {
    const down = asset({ key: 'down', inputs: { up: input<number>() }, run: ({ up: n }) => `${n}` });
    const mapped = asset({ key: 'mapped', inputs: { n: input<number | string>() }, keysByInputName: { n: 'up' }, run: () => true });
    const fanned = asset({ key: 'fanned', inputs: { up: list<number>() }, run: ({ up: all }) => all.length });
    const after = asset({ key: 'after', inputs: { up: nothing() }, run: () => 1 });
    const defs = define({ assets: [up, down, mapped, fanned, after, assetsFromGraph(fed)] });
    type Keys = typeof defs extends Definitions<infer Assets> ? KeyOf<Assets> : never;
    expectTypeOf<Keys>().toEqualTypeOf<'up' | 'down' | 'mapped' | 'fanned' | 'after' | 'fed'>();
  });

  test('refuses an asset that is read as another type', () => {
    const down = asset({ key: 'down', inputs: { up: input<string>() }, run: ({ up: s }) => s.length });
    // @ts-expect-error up is a number
    define({ assets: [up, down] });
    const mapped = asset({ key: 'mapped', inputs: { s: input<string>() }, keysByInputName: { s: ['up'] }, run: () => 1 });
    // @ts-expect-error up is a number, under whatever name it is read
    define({ assets: [mapped, up] });
    // @ts-expect-error fed reads up as a number
    define({ assets: [asset({ key: 'up', run: () => 'text' }), assetsFromGraph(fed)] });
    const prefixed = assetsFromGraph(
      graph('prefixed', { inputs: { s: input<string>() } }, ({ s }) =>
        op({ name: 'len', inputs: { s: input<string>() }, run: (i) => i.s.length })({ s }),
      ),
      { keysByInputName: { s: 'eu/up' } },
    );
    const eu = assetsFromGraph(
      graph('up', () => op({ name: 'one', run: () => 1 })()),
      { keyPrefix: 'eu' },
    );
    // @ts-expect-error eu/up is a number
    define({ assets: [eu, prefixed] });
  });

  test('knows the type of a source that reads itself', () => {
    const down = asset({ key: 'down', inputs: { feed: input<string>() }, run: ({ feed }) => feed.length });
    define({ assets: [source('feed', { read: () => 'x' }), down] });
    // @ts-expect-error feed is a number
    define({ assets: [source('feed', { read: () => 5 }), down] });
    define({ assets: [source('feed'), down] });
    define({ assets: [source<string>('feed'), down] });
  });

  test('lets through what is only known at run time', () => {
    const some: readonly AnyDefinition[] = [up];
    expectTypeOf(define({ assets: some })).toEqualTypeOf<Definitions>();
  });
});
