import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  list,
  op,
  optional,
  output,
  refresh,
  source,
  status,
  type Definitions,
  type Store,
} from '../../../index.ts';
import { aliasedPort } from '../../../lib/events/aliased-port.ts';
import { createStore } from '../../../lib/events/store.ts';
import { keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { keyedInput, keyedOutput } from '../../../lib/model/keyed-port.ts';
import { openStore, pruneStore } from '../../../store/index.ts';
import { newFolder } from '../../store/folder.ts';
import { heldGate } from '../rig/held-gate.ts';
import { logOf } from '../rig/watched-store.ts';

const ran: string[] = [];

const { gate } = heldGate(ran);
const double = op({ name: 'double', codeVersion: '1', inputs: { x: input<number>() }, run: ({ x }) => (ran.push('double'), 2 * x) });

/** Which steps the last refresh says that the next one has to look at whatever happens; `undefined` where it verified nothing. */
async function openOf(store: Store): Promise<readonly number[] | undefined> {
  return (await logOf(store)).flatMap((event) => (event.type === 'run-ended' ? [event.verified?.open] : [])).at(-1);
}

describe('an input that holds, and steps that stand (F2)', () => {
  const read = op({
    name: 'read',
    codeVersion: '1',
    inputs: { it: input<number>({ hold: true }), y: input<number>() },
    run: ({ it, y }) => (ran.push('read'), it + y),
  });
  const body = graph('body', { inputs: { x: input<number>(), y: input<number>(), z: input<number>() } }, ({ x, y, z }) => ({
    seen: double({ x: read({ it: gate({ x }).it, y }) }),
    other: double.as('other')({ x: z }),
  }));
  const defs = define({
    assets: [source<number>('x'), source<number>('y'), source<number>('z'), assetsFromGraph(body, { canSubset: true })],
  });

  test('a step that holds is looked at in every refresh, with what reads it, and others stand', async () => {
    const store = memoryStore();
    await refresh(defs, { store, sources: { x: 5, y: 1, z: 1 } });
    const { steps } = await refresh(defs, { store });
    const index = [...steps.keys()].indexOf('read');
    expect(await openOf(store)).toEqual([index]);
    expect(index).toBeGreaterThan(-1);
    expect(String(await status(defs, store))).toBe('"seen" is fresh.\n"other" is fresh.');
  });

  test('what it held is found by a refresh that looks at few steps as by one that looks at all', async () => {
    const store = memoryStore();
    await refresh(defs, { store, sources: { x: 5, y: 1, z: 1 } });
    await refresh(defs, { store, sources: { x: 0 } });
    ran.length = 0;
    await refresh(defs, { store });
    expect(ran).toEqual([]);
    await refresh(defs, { store, sources: { y: 2 } });
    expect([ran, await store.value('seen')]).toEqual([['read', 'double'], 14]);
    // Somebody else makes another last value, and takes it back, between two refreshes of this plan.
    await refresh(defs, { store, select: ['seen'], sources: { x: 7 } });
    await refresh(defs, { store, select: ['seen'], sources: { x: 0 } });
    await refresh(defs, { store });
    expect(await store.value('seen')).toBe(18);
  });

  test('saying it, or saying it no longer, is another plan: what was verified before says nothing of it', async () => {
    const wired = (hold: boolean): Definitions => {
      const take = op({
        name: 'take',
        codeVersion: '1',
        inputs: { it: input<number>({ optional: true, hold }) },
        run: ({ it }) => it ?? 'none',
      });
      const taken = graph('taken', { inputs: { x: input<number>() } }, ({ x }) => take({ it: gate({ x }).it }));
      return define({ assets: [source<number>('x'), assetsFromGraph(taken)] }) as Definitions;
    };
    const store = memoryStore();
    await refresh(wired(false), { store, sources: { x: 5 } });
    await refresh(wired(false), { store, sources: { x: 0 } });
    expect(await store.value('taken')).toBe('none');
    await refresh(wired(true), { store });
    expect(await store.value('taken')).toBe(5);
  });
});

describe('keyed rows', () => {
  type Rows = Keyed<string, number>;
  const rowsOf = (...pairs: readonly (readonly [string, number])[]): Rows => keyed(pairs);

  test('are held whole, pieces and all, also after a prune', async () => {
    const split = op({
      name: 'split',
      codeVersion: '1',
      inputs: { rows: keyedInput<string, number>() },
      outputs: { it: optional<Rows>() },
      *run({ rows }) {
        if (rows.size > 1) yield emit('it', rows);
      },
    });
    const count = op({
      name: 'count',
      codeVersion: '1',
      inputs: { it: input<Rows>({ hold: true }), y: input<number>() },
      run: ({ it, y }) => [...it].length + y,
    });
    const body = graph('counted', { inputs: { rows: input<Rows>(), y: input<number>() } }, ({ rows, y }) =>
      count({ it: split({ rows }).it, y }),
    );
    const defs = define({ assets: [source<Rows, 'rows'>('rows'), source<number>('y'), assetsFromGraph(body)] });
    const folder = await newFolder();
    const many = keyed(Array.from({ length: 3000 }, (_, key) => [`k${key}`, key] as const));
    {
      await using store = await openStore(folder);
      await refresh(defs, { store, sources: { rows: many, y: 0 } });
      await refresh(defs, { store, sources: { rows: rowsOf(['a', 1]) } });
      await refresh(defs, { store, sources: { y: 1 } });
      await pruneStore(store, { versions: 1, runs: 0 });
    }
    await using store = await openStore(folder);
    await refresh(defs, { store, sources: { y: 2 } });
    expect(await store.value('counted')).toBe(3002);
  });

  test('with a derived version are those of the inputs, and a body that follows changes reads them so', async () => {
    const others = Array.from({ length: 10 }, (_, key) => [`k${key}`, 1] as const);
    const rowsWith = (b: number, c: number): Rows => rowsOf(...others, ['b', b], ['c', c]);
    const filtered = op({
      name: 'filtered',
      codeVersion: '1',
      inputs: { rows: keyedInput<string, number>() },
      outputs: { it: output<Rows>({ version: 'derived' }) },
      run: ({ rows }) => (ran.push('filtered'), { it: keyed([...rows].filter(([, n]) => n > 0)) }),
    });
    const doubled = op({
      name: 'doubled',
      codeVersion: '1',
      inputs: { rows: keyedInput<string, number>() },
      outputs: { out: keyedOutput<string, number>() },
      keyed: ({ rows }) => ({ out: rows.map((n) => (ran.push('doubled'), 2 * n)) }),
    });
    const body = graph('body', { inputs: { rows: input<Rows>() } }, ({ rows }) => ({
      rows_2: doubled({ rows: filtered({ rows }).it }).out,
    }));
    const defs = define({ assets: [source<Rows, 'rows'>('rows'), assetsFromGraph(body)] });
    const store = memoryStore();
    await refresh(defs, { store, sources: { rows: rowsWith(2, -1) } });
    ran.length = 0;
    const made = await refresh(defs, { store, sources: { rows: rowsWith(3, -1) } });
    // The row before and the row after, of all that there are.
    expect(ran).toEqual(['filtered', 'doubled', 'doubled']);
    expect([(await made.value('rows_2')).size, (await made.value('rows_2')).get('b')]).toEqual([11, 6]);
    // Other inputs, equal rows: a derived version tells no cutoff, and nothing is made of no change.
    ran.length = 0;
    const { outcomes } = await refresh(defs, { store, sources: { rows: rowsWith(3, -2) } });
    expect([ran, Object.fromEntries(outcomes)]).toEqual([['filtered'], { rows_2: 'unchanged' }]);
  });
});

describe('aliases', () => {
  const body = graph('body', { inputs: { x: input<number>() } }, ({ x }) => ({ out: double({ x }) }));
  const named = (key: string, aliases: readonly string[]): Definitions =>
    define({
      assets: [source<number>('x'), assetsFromGraph(body, { keysByOutputName: { out: key }, aliases: { keys: { [key]: aliases } } })],
    }) as Definitions;

  test('said later are another plan: what stands under a name before may be newer than what was verified (F2)', async () => {
    const store = memoryStore();
    await refresh(named('total', []), { store, sources: { x: 1 } });
    await refresh(named('total', []), { store });
    await store.put('sum', 99);
    await refresh(named('total', []), { store });
    const { outcomes } = await refresh(named('total', ['sum']), { store });
    // Readers of "total" would get 99, and the step gives 2.
    expect([Object.fromEntries(outcomes), await store.value('total')]).toEqual([{ total: 'materialized' }, 2]);
  });

  test('stand from the run on that found them under the names of now', async () => {
    const store = memoryStore();
    await refresh(named('sum', []), { store, sources: { x: 1 } });
    const renamed = named('total', ['sum']);
    await refresh(renamed, { store });
    const again = await refresh(renamed, { store });
    expect([await openOf(store), Object.fromEntries(again.outcomes)]).toEqual([[], { total: 'fresh' }]);
    await store.put('sum', 99);
    expect((await status(renamed, store)).assets.get('total')?.state).toBe('stale');
    expect(Object.fromEntries((await refresh(renamed, { store })).outcomes)).toEqual({ total: 'materialized' });
  });

  test('of a source are all expected to be as they were read, when a run observes it (D7)', async () => {
    const inner = memoryStore();
    await inner.put('x', 1);
    let puts: readonly (readonly [string, number])[] = [];
    const port = new Proxy(inner.port, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name);
        if (typeof found !== 'function') return found;
        if (name !== 'append') return found.bind(target) as unknown;
        return async (batch: Parameters<typeof target.append>[0]) => {
          const due = puts;
          puts = [];
          for (const [key, value] of due) await inner.put(key, value);
          return target.append(batch);
        };
      },
    });
    const store = createStore(port, { now: () => 0 });
    const renamed = define({
      assets: [
        source<number>('number', { aliases: ['x'] }),
        assetsFromGraph(graph('twice', { inputs: { number: input<number>() } }, ({ number }) => double({ x: number }))),
      ],
    });
    // Between the look at the store and the first group of the run, under a name before and under that of now.
    for (const [key, value] of [
      ['x', 2],
      ['number', 3],
    ] as const) {
      puts = [[key, value]];
      const result = await refresh(renamed, { store, sources: { number: value } });
      expect([key, await result.value('twice')]).toEqual([key, 2 * value]);
    }
    const observed = (await logOf(inner)).flatMap((event) => (event.type === 'source-observed' ? [event.key] : []));
    // The equal value of somebody else was there: it is logged once.
    expect(observed.map(String)).toEqual(['x', 'x', 'number']);
  });

  test('are a view: a port where nothing was renamed is the port itself', () => {
    const { port } = memoryStore();
    expect(aliasedPort(port, define({ assets: [source<number>('x')] }).aliases)).toBe(port);
  });
});

describe('what definitions have left behind', () => {
  test('has no names of offsets in it, and has sources that only an offset is known of under no name', async () => {
    const stores = [memoryStore(), await openStore(await newFolder())] as const;
    for (const store of stores) {
      await store.put('x', 1, { offset: '7' });
      const [key] = (await logOf(store)).flatMap((event) => (event.type === 'source-observed' ? [event.key] : []));
      expect(key).toBeDefined();
      if (key === undefined) return;
      await store.put('y', 2);
      await store.port.append({ events: [], values: [], offsets: [{ key, offset: '8' }] });
      const left = define({ assets: [source<number>('z')] });
      expect((await status(left, store)).gone?.assets.map(({ key: each }) => String(each))).toEqual(['x', 'y']);
      await store.close();
    }
  });
});

describe('a list that holds', () => {
  test('holds each of its entries by itself, among steps that stand', async () => {
    const all = op({
      name: 'all',
      codeVersion: '1',
      inputs: { its: list<number>({ hold: true }) },
      run: ({ its }) => its.join(' '),
    });
    const body = graph('body', { inputs: { x: input<number>(), y: input<number>() } }, ({ x, y }) => ({
      out: all({ its: [gate({ x }).it, gate.as('other_gate')({ x: y }).it] }),
    }));
    const defs = define({ assets: [source<number>('x'), source<number>('y'), assetsFromGraph(body)] });
    const store = memoryStore();
    await refresh(defs, { store, sources: { x: 1, y: 2 } });
    for (const [sources, wanted] of [
      [{ x: 0 }, '1 2'],
      [{ y: 3 }, '1 3'],
      [{ y: 0 }, '1 3'],
      [{ x: 4 }, '4 3'],
    ] as const) {
      await refresh(defs, { store, sources });
      expect(await store.value('out')).toBe(wanted);
    }
  });
});
