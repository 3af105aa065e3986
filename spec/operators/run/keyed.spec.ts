import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { pieceAddresses } from '../../../lib/events/keyed-value.ts';
import type { Store } from '../../../lib/events/store.ts';
import { sum } from '../../../lib/delta/aggregates.ts';
import type { Aggregate } from '../../../lib/delta/aggregate.ts';
import type { Flow } from '../../../lib/delta/flow.ts';
import { keyed, type Keyed } from '../../../lib/kernel/keyed/keyed.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { asset } from '../../../lib/model/asset.ts';
import { assetsFromGraph } from '../../../lib/model/assets-from-graph.ts';
import { define } from '../../../lib/model/definitions.ts';
import { graph } from '../../../lib/model/graph.ts';
import { keyedInput, keyedOutput } from '../../../lib/model/keyed-port.ts';
import { op } from '../../../lib/model/op.ts';
import { input, nothing } from '../../../lib/model/port.ts';
import { source } from '../../../lib/model/source.ts';
import { runGraph } from '../../../operators/face/run-graph.ts';
import { testOp } from '../../../operators/face/test-op.ts';
import { toOperator } from '../../../operators/face/to-operator.ts';
import { deltaBetween } from '../../../operators/read/delta-between.ts';
import { memoriesOf } from '../../../operators/run/keyed-memories.ts';
import { materialize } from '../../../operators/run/materialize.ts';
import { refresh } from '../../../operators/run/refresh.ts';
import { KeyedMemories } from '../../../operators/step/keyed-memory.ts';
import { firstValueFrom, of, toArray } from 'rxjs';

type Rows = Keyed<string, number>;

const rowsOf = (...pairs: readonly (readonly [string, number])[]): Rows => keyed(pairs);
const many = (count: number): Rows => keyed(Array.from({ length: count }, (_, key) => [`k${key}`, key] as const));

/** An op that keeps what is above 0, with what it was asked about. */
function watched(): { readonly asked: string[]; readonly defs: ReturnType<typeof defsOf> } {
  const asked: string[] = [];
  return {
    asked,
    defs: defsOf((flow) =>
      flow.filter((n, key) => {
        asked.push(key);
        return n > 0;
      }),
    ),
  };
}

function defsOf(write: (flow: Flow<string, number>) => Flow<string, number>) {
  const kept = op({ name: 'kept', inputs: { numbers: keyedInput<string, number>() }, keyed: ({ numbers }) => write(numbers) });
  const keptGraph = graph('kept', { inputs: { numbers: keyedInput<string, number>() } }, ({ numbers }) => kept({ numbers }));
  return define({ assets: [assetsFromGraph(keptGraph), source<Rows, 'numbers'>('numbers')] });
}

async function lines(store: Store): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const event of store.events()) if (event.type === 'log-line') found.push(event.message);
  return found;
}

/** Where the pieces are kept of what readers get of a key. */
async function piecesOf(store: Store, key: string): Promise<readonly string[]> {
  const event = await store.latest(key);
  const below = async (address: string): Promise<readonly string[]> => {
    const [bytes = new Uint8Array()] = await store.port.values([address]);
    return [address, ...(await Promise.all(pieceAddresses(bytes).map(below))).flat()];
  };
  return event !== undefined && 'address' in event && event.address !== null ? below(event.address) : [];
}

describe('an op with a keyed body', () => {
  test('looks at what changed and at nothing else', async () => {
    const { asked, defs } = watched();
    const store = memoryStore();
    const rows = many(1000);
    await refresh(defs, { store, sources: { numbers: rows } });
    asked.length = 0;
    const result = await refresh(defs, { store, sources: { numbers: rows.set('k7', -1) } });
    expect(asked).toEqual(['k7', 'k7']);
    const value = await result.value('kept');
    expect(value.size).toBe(998);
    expect(value.has('k7')).toBe(false);
  });

  test('looks at everything where nothing is remembered, or too much has changed', async () => {
    const { asked, defs } = watched();
    const store = memoryStore();
    await refresh(defs, { store, sources: { numbers: many(100) } });
    memoriesOf(store.port).clear();
    asked.length = 0;
    await refresh(defs, { store, sources: { numbers: many(100).set('k1', -1) } });
    expect(asked).toHaveLength(100);
    asked.length = 0;
    await refresh(defs, { store, sources: { numbers: keyed(Array.from({ length: 100 }, (_, key) => [`k${key}`, -key] as const)) } });
    expect(asked).toHaveLength(100);
  });

  test('remembers nothing of another op, of other outputs, or with another config', async () => {
    const store = memoryStore();
    const [first, second] = [watched(), watched()];
    await refresh(first.defs, { store, sources: { numbers: many(100) } });
    await materialize(second.defs, { store });
    expect(second.asked).toHaveLength(100);
    const above = asset({
      key: 'above',
      inputs: { numbers: keyedInput<string, number>() },
      config: z.object({ least: z.number() }),
      keyed: ({ numbers }, { config }) => numbers.filter((n) => n >= config.least),
    });
    const defs = define({ assets: [above, source<Rows, 'numbers'>('numbers')] });
    const sizes: number[] = [];
    for (const least of [10, 90, 10]) {
      const result = await materialize(defs, { store, config: { ops: { above: { least } } } });
      sizes.push(result.value('above').size);
    }
    expect(sizes).toEqual([90, 10, 90]);
  });

  test('computes no output that nothing needs', async () => {
    const asked = { low: 0, high: 0 };
    const halves = op({
      name: 'halves',
      inputs: { numbers: keyedInput<string, number>() },
      outputs: { low: keyedOutput<string, number>(), high: keyedOutput<string, number>() },
      keyed: ({ numbers }) => ({
        low: numbers.filter((n) => ((asked.low += 1), n < 5)),
        high: numbers.filter((n) => ((asked.high += 1), n >= 5)),
      }),
    });
    const both = graph('both', { inputs: { numbers: keyedInput<string, number>() } }, ({ numbers }) => halves({ numbers }));
    const defs = define({ assets: [assetsFromGraph(both, { canSubset: true }), source<Rows, 'numbers'>('numbers')] });
    const store = memoryStore();
    await materialize(defs, { store, select: ['low'], sources: { numbers: many(10) } });
    expect(asked).toEqual({ low: 10, high: 0 });
    const result = await materialize(defs, { store });
    expect([result.value('low').size, result.value('high').size]).toEqual([5, 5]);
  });

  test('gives an asset that is unchanged where its rows are, and stops the wave there', async () => {
    const { defs } = watched();
    const store = memoryStore();
    await refresh(defs, { store, sources: { numbers: many(100) } });
    const { outcomes } = await refresh(defs, { store, sources: { numbers: many(100).set('new', -5) } });
    expect(outcomes.get('kept')).toBe('unchanged');
  });

  test('fails with what its functions throw as the cause, also while it follows changes, and follows on from before', async () => {
    const defs = defsOf((flow) =>
      flow.map((n) => {
        if (n === 13) throw new RangeError('thirteen');
        return n;
      }),
    );
    const store = memoryStore();
    await refresh(defs, { store, sources: { numbers: many(10) } });
    const failing = refresh(defs, { store, sources: { numbers: many(10).set('bad', 13) } });
    await expect(failing).rejects.toMatchObject({ code: 'OP_THREW', cause: expect.objectContaining({ message: 'thirteen' }) });
    const result = await refresh(defs, { store, sources: { numbers: many(10).set('good', 14) } });
    expect((await result.value('kept')).get('good')).toBe(14);
    expect(await lines(store)).toEqual([]);
  });

  test('computes the whole where an aggregate cannot be followed, and says so', async () => {
    const lying: Aggregate<string, number, number, number> = {
      empty: 0,
      add: (most, n) => Math.max(most, n),
      remove: () => undefined,
      result: (most) => most,
      invertible: true,
    };
    const defs = defsOf((flow) => flow.groupBy(() => 'all').aggregate(lying));
    const store = memoryStore();
    await refresh(defs, { store, sources: { numbers: many(10) } });
    const result = await refresh(defs, { store, sources: { numbers: many(10).delete('k9') } });
    expect([...(await result.value('kept'))]).toEqual([['all', 8]]);
    expect(await lines(store)).toEqual([expect.stringMatching(/^Changes could not be followed.*invertible/)]);
  });

  test('runs without a store as it does with one', async () => {
    const totals = op({
      name: 'totals',
      inputs: { numbers: keyedInput<string, number>(), after: nothing({ optional: true }) },
      keyed: ({ numbers }) => numbers.groupBy((n) => (n % 2 === 0 ? 'even' : 'odd')).aggregate(sum((n) => n)),
    });
    expect([...((await testOp(totals, { inputs: { numbers: many(4) } })) ?? [])]).toEqual([
      ['even', 2],
      ['odd', 4],
    ]);
    const around = graph('around', { inputs: { numbers: keyedInput<string, number>() } }, ({ numbers }) => totals({ numbers }));
    expect((await runGraph(around, { numbers: many(4) }))?.get('odd')).toBe(4);
    const frames = await firstValueFrom(of({ numbers: many(4) }, { numbers: many(6) }).pipe(toOperator(totals), toArray()));
    expect(frames.map(({ result }) => (result as Rows).get('odd'))).toEqual([4, 9]);
  });
});

describe('keyed ports', () => {
  test('refuse what is no keyed rows, and take in what a body gives', async () => {
    const reader = op({ name: 'reader', inputs: { numbers: keyedInput<string, number>() }, run: ({ numbers }) => numbers.size });
    // A user of JavaScript.
    const failing = testOp(reader, { inputs: { numbers: new Map() as unknown as Rows } });
    await expect(failing).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('a Map is no keyed rows') });
    const giving = (given: unknown) =>
      op({
        name: 'giving',
        outputs: { rows: keyedOutput<string, number>() },
        run: () => ({ rows: given as Iterable<readonly [string, number]> }),
      });
    for (const given of [new Map([['a', 1]]), [['a', 1]], rowsOf(['a', 1])])
      expect([...((await testOp(giving(given))).rows ?? [])]).toEqual([['a', 1]]);
    await expect(testOp(giving(5))).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      message: expect.stringContaining('a number is no keyed rows'),
    });
    await expect(testOp(giving([['a', 1], ['a', 2]]))).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      cause: expect.objectContaining({ code: 'ROW_KEY_REPEATED' }),
    }); // prettier-ignore
  });

  test('give a plain reader the rows as they are', async () => {
    const size = asset({ key: 'size', inputs: { numbers: input<Rows>() }, run: ({ numbers }) => [numbers.size, numbers.get('k3')] });
    const store = memoryStore();
    const result = await materialize(define({ assets: [size, source<Rows, 'numbers'>('numbers')] }), {
      store,
      sources: { numbers: many(50) },
    });
    expect(result.value('size')).toEqual([50, 3]);
  });
});

describe('what is written wrongly is refused where it is written', () => {
  const inputs = { numbers: keyedInput<string, number>() };
  const same = ({ numbers }: { readonly numbers: Flow<string, number> }): Flow<string, number> => numbers;
  test.each<[what: string, make: () => unknown, said: RegExp]>([
    ['no function', () => op({ name: 'o', inputs, keyed: 5 as unknown as typeof same }), /"keyed" is a number\. Give a function/],
    ['a plain input', () => op({ name: 'o', inputs: { n: input<Rows>() }, keyed: ({ n }) => n as never }), /reads input "n".*keyedInput/],
    [
      'run beside it',
      () => op({ name: 'o', inputs, keyed: same, run: () => 1 } as unknown as Parameters<typeof op>[0]),
      /"keyed" and "run"/,
    ],
    [
      'a state',
      () => op({ name: 'o', inputs, keyed: same, state: { initial: () => ({}) } } as unknown as Parameters<typeof op>[0]),
      /"keyed" and "state"/,
    ],
    ['no flow', () => op({ name: 'o', inputs, keyed: () => 5 as unknown as Flow<string, number> }), /gave a number as output "result"/],
    [
      'a missing output',
      () => op({ name: 'o', inputs, outputs: { a: keyedOutput<string, number>() }, keyed: () => ({}) as never }),
      /no flow for "a"/,
    ],
    [
      'an unknown output',
      () =>
        op({ name: 'o', inputs, outputs: { a: keyedOutput<string, number>() }, keyed: (f) => ({ a: f.numbers, b: f.numbers }) as never }),
      /gives "b", which is no output/,
    ],
  ])('%s', (_, make, said) => {
    expect(make).toThrow(said);
  });
});

describe('an op that computes the whole', () => {
  test('gives readers what really changed', async () => {
    const asked: string[] = [];
    const listed = op({
      name: 'listed',
      inputs: { numbers: keyedInput<string, number>() },
      outputs: { all: keyedOutput<string, number>() },
      run: ({ numbers }) => ({ all: new Map([...numbers].map(([key, n]) => [key, n * 2] as const)) }),
    });
    const kept = op({
      name: 'kept',
      inputs: { all: keyedInput<string, number>() },
      keyed: ({ all }) => all.filter((n, key) => (asked.push(key), n >= 0)),
    });
    const both = graph('doubled', { inputs: { numbers: keyedInput<string, number>() } }, ({ numbers }) => {
      const { all } = listed({ numbers });
      return { doubled: kept({ all }), all };
    });
    const defs = define({ assets: [assetsFromGraph(both), source<Rows, 'numbers'>('numbers')] });
    const store = memoryStore();
    await refresh(defs, { store, sources: { numbers: many(500) } });
    asked.length = 0;
    const from = (await store.latest('doubled'))?.position ?? 0;
    const before = new Set([...(await piecesOf(store, 'all')), ...(await piecesOf(store, 'numbers'))]);
    await refresh(defs, { store, sources: { numbers: keyed([...many(500).set('a', 1)]) } });
    expect(asked).toEqual(['a']);
    // All else moves in a tree that is built anew. Neither the source, which came anew, nor the op's Map is written as a whole.
    for (const key of ['all', 'numbers']) {
      const pieces = await piecesOf(store, key);
      expect(pieces.filter((piece) => !before.has(piece)).length).toBeLessThanOrEqual(3);
      expect(pieces.length).toBeGreaterThan(10);
    }
    expect(await deltaBetween(store, 'doubled', { from })).toMatchObject({ changes: [{ key: 'a', old: undefined, new: 2 }] });
  });
});

describe('deltaBetween', () => {
  test('gives what changed between two positions, and all of it from the start', async () => {
    const store = memoryStore();
    await store.put('numbers', rowsOf(['a', 1]));
    await store.put('other', 5);
    await store.put('numbers', rowsOf(['a', 2], ['b', 1]));
    expect([...(await deltaBetween<string, number>(store, 'numbers', { from: 1 }))]).toEqual([
      { key: 'a', old: 1, new: 2 },
      { key: 'b', old: undefined, new: 1 },
    ]);
    expect((await deltaBetween(store, 'numbers', { from: 0, to: 2 })).changes).toEqual([{ key: 'a', old: undefined, new: 1 }]);
    expect((await deltaBetween(store, 'numbers', { from: 3, to: 1 })).size).toBe(2);
    await expect(deltaBetween(store, 'other', { from: 0 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('"other" is a number now'),
    });
    await expect(deltaBetween(store, 'numbers', { from: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('what is remembered of steps', () => {
  test('is bounded, the least recently used forgotten first', () => {
    const memories = new KeyedMemories(100);
    const op1 = {};
    const followed = (count: number) => ({ program: {} as never, state: { stages: [] }, inputs: { x: many(count) }, outputs: {} });
    memories.of(op1, 'one')([]).remember(followed(40));
    memories.of(op1, 'two')([]).remember(followed(40));
    memories.of(op1, 'three')([]).remember(followed(40));
    expect(['one', 'two', 'three'].map((name) => memories.of(op1, name)([]).recall() !== undefined)).toEqual([false, true, true]);
    expect(memories.rows).toBe(80);
    expect(
      memories
        .of(
          op1,
          'four',
        )([])
        .takes({ x: many(101) }),
    ).toBe(false);
    memories.of(op1, 'two')([]).remember(followed(101));
    expect(memories.of(op1, 'two')([]).recall()).toBeUndefined();
    expect(memories.of({}, 'three')([]).recall()).toBeUndefined();
    memories.clear();
    expect(memories.rows).toBe(0);
  });
});
