import { describe, expect, test } from 'vitest';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  lineage,
  materialize,
  op,
  optional,
  output,
  reexecute,
  refresh,
  source,
  stateOf,
  status,
  type Definitions,
  type Handle,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { expectRefusal } from '../../lib/model/refusal.ts';
import { untyped } from '../rig/untyped.ts';

const ran: string[] = [];

type SingleReader = (wiring: { readonly rows: Handle<readonly number[]> }) => Handle<number>;

interface Called {
  readonly source: string;
  readonly definition: string;
  readonly nest: string;
  readonly steps: readonly [string, string];
  readonly key: string;
}

const before: Called = { source: 'x', definition: 'first', nest: 'inner', steps: ['double', 'add'], key: 'sum' };
const after: Called = { source: 'number', definition: 'second', nest: 'nested', steps: ['twice', 'plus'], key: 'total' };

/** A nested step, and one behind it that keeps state. Ops are called as their places are. */
function world(names: Called, aliases?: Called): Definitions {
  const [first, second] = names.steps;
  const doubling = op({
    name: first,
    codeVersion: '1',
    inputs: { x: input<number>() },
    run: ({ x }) => {
      ran.push('double');
      if (x < 0) throw new Error('negative');
      return x * 2;
    },
  });
  const adding = op({
    name: second,
    codeVersion: '1',
    inputs: { x: input<number>() },
    state: { initial: () => ({ runs: 0 }) },
    run: ({ x }, { state }) => (ran.push('add'), (state.runs += 1), x + 1),
  });
  const inner = graph('inner_graph', { inputs: { x: input<number>() } }, ({ x }) => doubling({ x }));
  const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => ({ out: adding({ x: inner.as(names.nest)({ x }) }) }));
  const former = aliases && {
    keys: { [names.key]: [aliases.key] },
    definition: [aliases.definition],
    steps: {
      [names.nest]: [aliases.nest],
      [second]: [aliases.steps[1]],
      [`${names.nest}.${first}`]: [`${aliases.nest}.${aliases.steps[0]}`],
    },
  };
  return define({
    assets: [
      source<number>(names.source, aliases && { aliases: [aliases.source] }),
      assetsFromGraph(body, {
        name: names.definition,
        keysByInputName: { x: names.source },
        keysByOutputName: { out: names.key },
        ...(former !== undefined && { aliases: former }),
      }),
    ],
  }) as Definitions;
}

async function refreshed(defs: Definitions, store: Store, sources: Readonly<Record<string, number>> = {}): Promise<unknown> {
  ran.length = 0;
  const { outcomes } = await refresh(defs, { store, sources, throwOnFailure: false });
  return { ran: [...ran], outcomes: Object.fromEntries(outcomes) };
}

describe('what was renamed (D9)', () => {
  test('goes on: nothing runs, the value is recorded under the key of now, and state and lineage continue', async () => {
    const store = memoryStore();
    await refreshed(world(before), store, { x: 3 });
    const renamed = world(after, before);
    expect(String(await status(renamed, store))).toBe('"total" is fresh.');
    expect(await refreshed(renamed, store)).toEqual({ ran: [], outcomes: { total: 'unchanged' } });
    expect(await store.value('total')).toBe(7);
    expect(await refreshed(renamed, store)).toEqual({ ran: [], outcomes: { total: 'fresh' } });
    expect(await refreshed(renamed, store, { number: 4 })).toEqual({ ran: ['double', 'add'], outcomes: { total: 'materialized' } });
    expect(await stateOf(store, renamed, 'plus')).toEqual({ runs: 2 });
    expect((await store.latest('sum'))?.position).toBeLessThan((await store.latest('total'))?.position ?? 0);
    expect((await lineage(store, 'total')).nodes.length).toBeGreaterThan(2);
  });

  test('runs without aliases', async () => {
    const store = memoryStore();
    await refreshed(world(before), store, { x: 3 });
    await store.put('number', 3);
    expect(await refreshed(world(after), store)).toMatchObject({ ran: ['double', 'add'] });
    expect((await status(world(after), store)).gone).toMatchObject({
      assets: [{ key: 'sum' }, { key: 'x' }],
      steps: [{ step: 'add', hasState: true }],
    });
    expect((await status(world(after, before), store)).gone).toEqual({ assets: [], definitions: [], steps: [], more: 0 });
  });

  test('is read as it was: a failure is one, and a value that was put is not observed anew', async () => {
    const store = memoryStore();
    await refreshed(world(before), store, { x: 3 });
    await refreshed(world(before), store, { x: -3 });
    const renamed = world(after, before);
    expect((await status(renamed, store)).assets.get('total')?.state).toBe('stale');
    expect(await refreshed(renamed, store)).toEqual({ ran: ['double'], outcomes: { total: 'blocked' } });
    expect(await refreshed(renamed, store, { number: 3 })).toMatchObject({ ran: [] });
  });

  // Found by the law of forgotten aliases: 0 was not written, since it stood there already, below what readers get.
  test('a source that has a name again is put after what was put under the other one', async () => {
    const store = memoryStore();
    const [x, y] = [source<number>('x', { aliases: ['y'] }), source<number>('y', { aliases: ['x'] })];
    await store.put(x, 0);
    await store.put(y, 1);
    expect(await store.put(x, 1)).toMatchObject({ observed: false, position: 2 });
    expect(await store.put(x, 0)).toMatchObject({ observed: true, position: 3 });
    await expect(store.put(y, 5, { expected: 2 })).rejects.toMatchObject({ code: 'VERSION_CONFLICT', details: { found: 3 } });
    expect(await store.put(y, 5, { expected: 3 })).toMatchObject({ observed: true, position: 4 });
  });

  test('is found by a run that takes up one from before', async () => {
    const store = memoryStore();
    const { runId } = await refresh(world(before), { store, sources: { x: 3 } });
    await store.put('number', 100);
    ran.length = 0;
    const again = await reexecute(world(after, before), runId, { store, steps: ['plus'] });
    expect([ran, again.value('total' as never)]).toEqual([['add'], 7]);
  });

  describe('of outputs that belong together (D8)', () => {
    /** A step that is called so, and was called otherwise. */
    const pair = (name: string, former: readonly string[] = []): Definitions => {
      const both = op({
        name,
        codeVersion: '1',
        outputsTogether: true,
        inputs: { x: input<number>() },
        outputs: { a: optional<number>(), b: optional<number>() },
        *run({ x }) {
          ran.push('pair');
          yield emit('a', x);
          yield emit('b', x);
        },
      });
      const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => both({ x }));
      return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true, aliases: { steps: { [name]: former } } })] });
    };

    test('does not bring back what a later success has dropped, under the name of now or another', async () => {
      const store = memoryStore();
      await refresh(pair('old'), { store, sources: { x: 1 } });
      await refresh(pair('new', ['old']), { store, sources: { x: 2 }, select: ['b'] });
      ran.length = 0;
      await refresh(pair('new', ['old']), { store, sources: { x: 1 }, select: ['a'] });
      expect(ran).toEqual(['pair']);
      await refresh(pair('new', ['old']), { store, sources: { x: 2 }, select: ['b'] });
      ran.length = 0;
      await refresh(pair('old', ['new']), { store, sources: { x: 1 }, select: ['a'] });
      expect(ran).toEqual(['pair']);
    });

    test('takes what was made last, where the name of now is one of before that made less', async () => {
      const store = memoryStore();
      await refresh(pair('old'), { store, sources: { x: 1 }, select: ['b'] });
      await refresh(pair('new', ['old']), { store, select: ['a', 'b'] });
      ran.length = 0;
      await refresh(pair('old', ['new']), { store, select: ['a', 'b'] });
      expect(ran).toEqual([]);
    });
  });

  test('may be one asset with a key of its own, and have had several names', async () => {
    const named = (key: string, aliases: readonly string[]): Definitions =>
      define({ assets: [asset({ key, aliases, codeVersion: '1', run: () => (ran.push(key), 1) })] });
    const store = memoryStore();
    await refreshed(named('a/one', []), store);
    await refreshed(named('b/two', ['a/one']), store);
    expect(await refreshed(named('three', ['b/two', 'a/one']), store)).toEqual({ ran: [], outcomes: { three: 'unchanged' } });
  });
});

describe('a derived version', () => {
  /** Rows that two steps read, and nobody keeps. */
  function shared(step: string, code: string, former: readonly string[] = []): Definitions {
    const rows = op({
      name: 'rows',
      codeVersion: '1',
      inputs: { x: input<number>() },
      outputs: { rows: output<readonly number[]>({ version: 'derived' }), count: output<number>() },
      run: ({ x }) => (ran.push('rows'), { rows: [x], count: 1 }),
    });
    const reading = (name: string, codeVersion: string): SingleReader =>
      op({ name, codeVersion, inputs: { rows: input<readonly number[]>() }, run: ({ rows: [x = 0] }) => (ran.push(name), x) });
    const [one, two] = [reading('one', code), reading('two', '1')];
    const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => {
      const { rows: made, count } = rows.as(step)({ x });
      return { a: one({ rows: made }), b: two({ rows: made }), count };
    });
    return define({ assets: [source<number>('x'), assetsFromGraph(body, { canSubset: true, aliases: { steps: { [step]: former } } })] });
  }

  test('is what it was where its step was renamed, and is executed for its value or for another output', async () => {
    const store = memoryStore();
    await refresh(shared('rows', '1'), { store, sources: { x: 1 }, select: ['a', 'b'] });
    ran.length = 0;
    await refresh(shared('lines', '2', ['rows']), { store, select: ['a', 'b'] });
    expect(ran).toEqual(['rows', 'one']);
    for (const select of [
      ['a', 'b'],
      ['count', 'a', 'b'],
      ['a', 'b'],
    ]) {
      ran.length = 0;
      await refresh(shared('lines', '2', ['rows']), { store, select });
      expect(ran).toEqual(select.length === 3 ? ['rows'] : []);
    }
  });

  test('is what it was also where its step was renamed and is run for an asset of its own', async () => {
    const store = memoryStore();
    await refresh(shared('rows', '1'), { store, sources: { x: 1 } });
    ran.length = 0;
    await materialize(shared('lines', '1', ['rows']), { store, select: ['count', 'a'] });
    expect(ran).toEqual(['rows', 'one']);
    expect(await refreshed(shared('lines', '1', ['rows']), store)).toEqual({
      ran: [],
      outcomes: { a: 'fresh', b: 'fresh', count: 'fresh' },
    });
  });
});

describe('aliases that are refused', () => {
  const one = asset({ key: 'one', run: () => 1 });

  test('those that are names of now, or names of two: there can be no cycle', () => {
    expectRefusal(() => define({ assets: [one, source('two', { aliases: ['one'] })] }), 'ALIAS_CONFLICT', '"two"', '"one"', 'a key of now');
    expectRefusal(() => define({ assets: [source('two', { aliases: ['two'] })] }), 'ALIAS_CONFLICT');
    expectRefusal(
      () => define({ assets: [source('a', { aliases: ['x'] }), source('b', { aliases: ['x'] })] }),
      'ALIAS_CONFLICT',
      'that of "a" too',
    );
    expectRefusal(() => define({ assets: [source('a', { aliases: ['b'] }), source('b', { aliases: ['a'] })] }), 'ALIAS_CONFLICT');
    const twice = graph('twice', () => {
      const made = op({ name: 'made', run: () => 1 });
      return { a: made.as('p')(), b: made.as('q')() };
    });
    expectRefusal(
      () => define({ assets: [assetsFromGraph(twice, { aliases: { steps: { p: ['q'] } } })] }),
      'ALIAS_CONFLICT',
      'a step of now',
    );
    expectRefusal(
      () => define({ assets: [assetsFromGraph(twice, { aliases: { steps: { p: ['z'], q: ['z'] } } })] }),
      'ALIAS_CONFLICT',
      'that of "p" too',
    );
  });

  test('those of what is not there, and what are no names', () => {
    const body = graph('body', () => ({ out: op({ name: 'made', run: () => 1 })() }));
    const given = (aliases: unknown) => (): unknown => assetsFromGraph(body, { aliases: untyped(aliases) });
    expectRefusal(given({ keys: { outt: ['x'] } }), 'INVALID_DEFINITION', '"outt"', 'Did you mean "out"');
    expectRefusal(given({ steps: { mad: ['x'] } }), 'INVALID_DEFINITION', 'Did you mean "made"');
    expectRefusal(given({ key: {} }), 'INVALID_DEFINITION', 'has no option "key"');
    expectRefusal(given({ keys: { out: 'x' } }), 'INVALID_DEFINITION', 'Give a list of former names');
    expectRefusal(given({ definition: [''] }), 'INVALID_DEFINITION');
    expectRefusal(given({ keys: { out: ['a//b'] } }), 'INVALID_KEY');
    expectRefusal(() => source('x', { aliases: untyped('y') }), 'INVALID_DEFINITION');
  });
});
