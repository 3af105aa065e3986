import { describe, expect, test } from 'vitest';
import { count } from '../../../lib/delta/aggregates.ts';
import type { Flow } from '../../../lib/delta/flow.ts';
import type { Key } from '../../../lib/kernel/keyed/key.ts';
import { keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { assetsFromGraph } from '../../../lib/model/assets-from-graph.ts';
import { define } from '../../../lib/model/definitions.ts';
import { graph } from '../../../lib/model/graph.ts';
import { keyedInput, keyedOutput } from '../../../lib/model/keyed-port.ts';
import { op } from '../../../lib/model/op.ts';
import { input, list, optional } from '../../../lib/model/port.ts';
import { source } from '../../../lib/model/source.ts';
import { refresh } from '../../../operators/run/refresh.ts';

type Rows = Keyed<Key, unknown>;

/** What flows give, as an asset. */
function defsOf(write: (flow: Flow<Key, unknown>) => Flow<Key, unknown>, codeVersion = '1') {
  const made = op({ name: 'made', codeVersion, inputs: { rows: keyedInput<Key, unknown>() }, keyed: ({ rows }) => write(rows) });
  const madeGraph = graph('made', { inputs: { rows: keyedInput<Key, unknown>() } }, ({ rows }) => made({ rows }));
  return define({ assets: [assetsFromGraph(madeGraph), source<Rows, 'rows'>('rows')] });
}

const counted = (of: (row: unknown) => unknown) => (flow: Flow<Key, unknown>) => flow.groupBy((row) => keyOf(of(row))).aggregate(count());

function keyOf(value: unknown): Key {
  return typeof value === 'number' || typeof value === 'bigint' ? value : String(value);
}

/** Puts one table after the other and refreshes behind each; all of it has to be what a store gives that knows nothing of what was before. */
async function followed(defs: ReturnType<typeof defsOf>, tables: readonly Rows[]): Promise<readonly (readonly [Key, unknown])[]> {
  const store = memoryStore();
  let last: Rows = keyed([]);
  for (const rows of tables) {
    await store.put('rows', rows);
    last = await (await refresh(defs, { store })).value('made');
    const anew = memoryStore();
    await anew.put('rows', rows);
    const whole = await (await refresh(defs, { store: anew })).value('made');
    expect([...last]).toEqual([...whole]);
    expect(last.version).toBe(whole.version);
  }
  return [...last];
}

const filler = Array.from({ length: 40 }, (_, at) => [`filler ${at}`, `filler ${at}`] as const);
const base: Rows = keyed<Key, unknown>(filler);

describe('what follows changes', () => {
  test('groups by NaN, by zeros, and by numbers that are written alike, as the whole does', async () => {
    const odd = [NaN, 0, -0, 1, 1n, '1', NaN];
    const tables: Rows[] = [base];
    for (const [at, value] of odd.entries()) tables.push((tables.at(-1) ?? base).set(at, value));
    tables.push((tables.at(-1) ?? base).delete(0).delete(1), base);
    const before = await followed(defsOf(counted((row) => row)), tables.slice(0, -2));
    expect(before.slice(0, 4)).toEqual([[0, 2], [1, 1], [NaN, 2], [1n, 1]]); // prettier-ignore
    expect(await followed(defsOf(counted((row) => row)), tables)).toHaveLength(40);
  });

  test('tells a row of 0 from one of -0, and not one NaN from another', async () => {
    const defs = defsOf((flow) => flow.map((row) => [row]));
    const gave = await followed(defs, [base.set(1, 0), base.set(1, -0), base.set(1, NaN), base.set(1, NaN)]);
    expect(gave[0]).toEqual([1, [NaN]]);
  });

  test('sees one change where a key was changed, deleted and came again between two refreshes', async () => {
    const rows = base.set('filler 7', 'x').delete('filler 7').set('filler 7', 'filler 8').delete('filler 9');
    const gave = await followed(defsOf(counted((row) => row)), [base, rows]);
    expect(gave).toHaveLength(38);
    expect(gave.find(([key]) => key === 'filler 8')).toEqual(['filler 8', 2]);
  });

  test('follows into no rows at all, and out of that', async () => {
    const none: Rows = keyed([]);
    expect(await followed(defsOf(counted(() => 'all')), [base, none, base, none, none])).toEqual([]);
  });

  test('takes rows that are equal and not identical for the same', async () => {
    const store = memoryStore();
    const defs = defsOf((flow) => flow.map((row) => [row]));
    const deep = (): Rows => keyed<Key, unknown>([...filler, ['deep', { b: [1, { c: new Date(5) }], a: -0 }]]);
    await store.put('rows', deep());
    await refresh(defs, { store });
    expect(await store.put('rows', deep())).toMatchObject({ observed: false });
    expect((await refresh(defs, { store })).outcome('made')).toBe('fresh');
  });

  test('computes the whole where another code version groups by another key', async () => {
    const store = memoryStore();
    await store.put('rows', base);
    await refresh(defsOf(counted((row) => row)), { store });
    const other = defsOf(
      counted((row) => String(row).length),
      '2',
    );
    const result = await refresh(other, { store });
    expect([...(await result.value('made'))]).toEqual([[8, 10], [9, 30]]); // prettier-ignore
    await store.put('rows', base.delete('filler 1'));
    expect([...(await (await refresh(other, { store })).value('made'))]).toEqual([[8, 9], [9, 30]]); // prettier-ignore
  });
});

describe('keyed rows among other ops', () => {
  test('are joined to a list of two, each as it changes', async () => {
    const sizes = op({
      name: 'sizes',
      codeVersion: '1',
      inputs: { tables: list<Rows>() },
      run: ({ tables }) => tables.map(({ size }) => size),
    });
    const both = graph('both', { inputs: { a: keyedInput<Key, unknown>(), b: keyedInput<Key, unknown>() } }, ({ a, b }) =>
      sizes({ tables: [a, b] }),
    );
    const defs = define({ assets: [assetsFromGraph(both), source<Rows, 'a'>('a'), source<Rows, 'b'>('b')] });
    const store = memoryStore();
    await store.put('a', base);
    await store.put('b', base);
    expect(await (await refresh(defs, { store })).value('both')).toEqual([40, 40]);
    await store.put('b', base.delete('filler 3'));
    expect(await (await refresh(defs, { store })).value('both')).toEqual([40, 39]);
  });

  test.each([
    ['are kept for an input that holds', {}, [30, 31, 31, 31, 30, 30]],
    // Nobody has kept what passed by reference (R6), so there is nothing to hold (X3).
    ['are not kept where their version is derived', { version: 'derived' }, [30, 31, undefined, 31, 30, undefined]],
  ] as const)('%s, and followed behind it', async (_, options, expected) => {
    const gives = op({
      name: 'gives',
      codeVersion: '1',
      inputs: { size: input<number>() },
      outputs: { rows: optional<Rows>(options) },
      run: ({ size }) => (size < 0 ? {} : { rows: keyed<Key, unknown>(filler.slice(0, size)) }),
    });
    const holds = op({
      name: 'holds',
      codeVersion: '1',
      inputs: { rows: input<Rows>({ hold: true, optional: true }) },
      outputs: { held: keyedOutput<Key, unknown>() },
      run: ({ rows }) => ({ held: rows ?? [] }),
    });
    const counts = op({
      name: 'counts',
      codeVersion: '1',
      inputs: { rows: keyedInput<Key, unknown>() },
      keyed: ({ rows }) => counted(() => 'all')(rows),
    });
    const all = graph('all', { inputs: { size: input<number>() } }, ({ size }) => {
      const { held } = holds({ rows: gives({ size }).rows });
      return { held, counts: counts({ rows: held }) };
    });
    const defs = define({ assets: [assetsFromGraph(all), source<number, 'size'>('size')] });
    const store = memoryStore();
    const seen: unknown[] = [];
    for (const size of [30, 31, -1, 31, 30, -2]) {
      await store.put('size', size);
      const result = await refresh(defs, { store });
      seen.push([...(await result.value('counts'))][0]?.[1]);
    }
    expect(seen).toEqual(expected);
  });

  test('are the same under another name, and followed on from there', async () => {
    const asked: Key[] = [];
    const watch = (flow: Flow<Key, unknown>): Flow<Key, unknown> => flow.filter((_, key) => asked.push(key) > 0);
    const made = op({ name: 'made', codeVersion: '1', inputs: { rows: keyedInput<Key, unknown>() }, keyed: ({ rows }) => watch(rows) });
    const madeGraph = graph('made', { inputs: { rows: keyedInput<Key, unknown>() } }, ({ rows }) => made({ rows }));
    const former = define({ assets: [assetsFromGraph(madeGraph), source<Rows, 'rows'>('rows')] });
    const now = define({
      assets: [
        assetsFromGraph(madeGraph, { keysByOutputName: { result: 'kept' }, aliases: { keys: { kept: ['made'] } } }),
        source<Rows, 'rows'>('rows'),
      ],
    });
    const store = memoryStore();
    await store.put('rows', base);
    await refresh(former, { store });
    await refresh(now, { store });
    asked.length = 0;
    await store.put('rows', base.delete('filler 3'));
    expect((await (await refresh(now, { store })).value('kept')).size).toBe(39);
    expect(asked).toEqual(['filler 3']);
  });
});
