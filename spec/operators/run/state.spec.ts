import { concatMap, from, map, of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  asset,
  define,
  emit,
  input,
  materialize,
  op,
  output,
  reexecute,
  refresh,
  source,
  stateOf,
  type Handle,
  type Store,
} from '../../../index.ts';
import type { AppendBatch } from '../../../lib/events/store-port.ts';
import { pruneStore } from '../../../lib/events/prune.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore, verifyStore } from '../../../store/index.ts';
import { newFolder } from '../../store/folder.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { untyped } from '../rig/untyped.ts';
import { whole } from '../rig/whole.ts';

const x = source<number>('x');

const sumState = { initial: () => ({ seen: 0, all: [] as number[] }) };

/** An asset that sums what its source was. */
const sum = asset({
  key: 'sum',
  inputs: { x: input<number>() },
  state: sumState,
  run: ({ x: value }, { state }) => {
    state.seen += value;
    state.all.push(value);
    if (value < 0) throw new Error('negative');
    return state.seen;
  },
});
const defs = define({ assets: [x, sum] });

async function feed(store: Store, ...values: readonly number[]): Promise<void> {
  for (const value of values) await materialize(defs, { store, sources: { x: value }, throwOnFailure: false });
}

const addresses = async (store: Store): Promise<readonly unknown[]> =>
  ofType(await logOf(store), 'step-settled').map(({ stateAddress }) => stateAddress);

const stores = [
  { label: 'in memory', open: async () => memoryStore() },
  { label: 'on disk', open: async () => openStore(await newFolder()) },
];

describe.each(stores)('the state of a step, $label', ({ open }) => {
  test('goes on from run to run, and is there as of any position', async () => {
    await using store = await open();
    await feed(store, 1, 2, 3);
    expect(await store.value('sum')).toBe(6);
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 6, all: [1, 2, 3] });
    const settled = ofType(await logOf(store), 'step-settled').map(({ position }) => position);
    const states = await Promise.all(
      settled.flatMap((position) => [stateOf(store, defs, 'sum', { position: position - 1 }), stateOf(store, defs, 'sum', { position })]),
    );
    expect(states).toEqual([
      undefined,
      { seen: 1, all: [1] },
      { seen: 1, all: [1] },
      { seen: 3, all: [1, 2] },
      { seen: 3, all: [1, 2] },
      { seen: 6, all: [1, 2, 3] },
    ]);
    expect(Object.isFrozen(states[1])).toBe(true);
  });

  test('is left alone by a step that fails, and by one that is reused', async () => {
    await using store = await open();
    await feed(store, 1, -5, 2);
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 3, all: [1, 2] });
    const result = await refresh(defs, { store });
    expect(result.outcome('sum')).toBe('fresh');
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 3, all: [1, 2] });
    expect((await addresses(store)).map((address) => address !== null)).toEqual([true, false, true]);
  });

  const idle = {
    'was not touched': asset({
      key: 'idle',
      inputs: { x: input<number>() },
      state: { initial: () => ({ n: 1 }) },
      run: ({ x: value }, { state }) => value + state.n,
    }),
    'was put back': asset({
      key: 'idle',
      inputs: { x: input<number>() },
      state: { initial: () => ({ n: 1 }) },
      run: ({ x: value }, { state }) => {
        state.n += value;
        state.n -= value;
        return value;
      },
    }),
    'holds what cannot be frozen': asset({
      key: 'idle',
      inputs: { x: input<number>() },
      state: { initial: () => ({ n: new Map([['when', new Date(0)]]) }) },
      run: ({ x: value }, { state }) => value + state.n.size,
    }),
  };
  test.each(Object.entries(idle))('keeps its address, and writes nothing, where it %s', async (_, subject) => {
    await using store = await open();
    const made = define({ assets: [x, subject] });
    const { watched, batches } = watch(store);
    for (const value of [1, 2]) await materialize(made, { store: watched, sources: { x: value } });
    // Each run: the source, then the step with the end. The first one's state is kept beside its value.
    expect(batches.map(({ values }) => values.length)).toEqual([1, 2, 1, 1]);
    const [first, second] = await addresses(store);
    expect(first).toBe(second);
    expect(await stateOf(store, made, 'idle')).toHaveProperty('n');
  });

  test('is handed to the store as a change of the one before', async () => {
    await using store = await open();
    const { watched, batches } = watch(store);
    await feed(watched, 1, 2);
    const [first, second] = await addresses(store);
    const stored = batches.flatMap(({ values }) => values);
    expect(stored.find(({ address }) => address === first)).not.toHaveProperty('base');
    expect(stored.find(({ address }) => address === second)).toMatchObject({ base: first, value: { seen: 3, all: [1, 2] } });
  });

  test('survives a prune, which removes earlier ones', async () => {
    await using store = await open();
    await feed(store, 1, 2, 3);
    const [first] = ofType(await logOf(store), 'step-settled');
    await pruneStore(store, { versions: 1, runs: 0 });
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 6, all: [1, 2, 3] });
    await expect(stateOf(store, defs, 'sum', { position: first?.position ?? 0 })).rejects.toMatchObject({ code: 'VALUE_REMOVED' });
    await feed(store, 4);
    expect(await store.value('sum')).toBe(10);
  });
});

/** A store, and what is appended to it. */
function watch(store: Store): { readonly watched: Store; readonly batches: readonly AppendBatch[] } {
  const batches: AppendBatch[] = [];
  const append = (batch: AppendBatch) => {
    batches.push(batch);
    return store.port.append(batch);
  };
  return { watched: { ...store, port: changed(store.port, { append }) }, batches };
}

/** A port of which some methods are others. */
function changed(port: Store['port'], methods: Partial<Store['port']>): Store['port'] {
  return new Proxy(port, {
    get: (target, name) => (name in methods ? Reflect.get(methods, name) : bound(target, name)),
  });
}

function bound(port: Store['port'], name: string | symbol): unknown {
  const member: unknown = Reflect.get(port, name, port);
  return typeof member === 'function' ? member.bind(port) : member;
}

describe('a state that is lost', () => {
  test('stops the run before its first step', async () => {
    const store = memoryStore();
    await feed(store, 1);
    const [lost] = await addresses(store);
    const port = changed(store.port, {
      values: async (asked) => (await store.port.values(asked)).map((bytes, index) => (asked[index] === lost ? undefined : bytes)),
      has: async (asked) => (await store.port.has(asked)).map((isKept, index) => isKept && asked[index] !== lost),
    });
    const head = await store.port.head();
    const run = materialize(defs, { store: { ...store, port }, sources: { x: 2 } });
    await expect(run).rejects.toMatchObject({
      code: 'MISSING_VALUE',
      message: expect.stringContaining('state that "sum" would go on from'),
    });
    expect(await store.port.head()).toBe(head);
    await expect(stateOf({ ...store, port }, defs, 'sum')).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});

describe('a state that cannot be read', () => {
  test('is told by its code, and the step does not begin anew', async () => {
    const store = memoryStore();
    await feed(store, 1);
    const [address] = await addresses(store);
    const broken = async (asked: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> =>
      (await store.port.values(asked)).map((bytes, index) => (asked[index] === address ? Uint8Array.of(1, 0xff, 0xff) : bytes));
    const port = changed(store.port, { values: broken });
    const corrupt = { name: 'StoreError', code: 'STORE_CORRUPT', details: { step: 'sum', address } };
    await expect(stateOf({ ...store, port }, defs, 'sum')).rejects.toMatchObject({ ...corrupt, details: { position: 3 } });
    await expect(stateOf({ ...store, port }, defs, 'sum')).rejects.toThrow(/state of step "sum" at position 3 in "memory" cannot be read/);
    await expect(materialize(defs, { store: { ...store, port }, sources: { x: 2 } })).rejects.toMatchObject(corrupt);
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 1, all: [1] });
    await feed(store, 2);
    expect(await store.value('sum')).toBe(3);
  });
});

describe.each(stores)('a run that is taken up again after a prune, $label', ({ open }) => {
  test('starts from the states of then, for as long as it is kept', async () => {
    await using store = await open();
    await feed(store, 1, 2, -5, 3, 4);
    const runs = (await store.runs()).map(({ started }) => started.runId);
    const failed = runs[2] ?? '';
    // The state that the failed run started from is that of the run before it, which is not kept.
    await pruneStore(store, { versions: 1, runs: 3 });
    const flipped = define({
      assets: [
        x,
        asset({ key: 'sum', inputs: { x: input<number>() }, state: sumState, run: ({ x: value }, { state }) => (state.seen -= value) }),
      ],
    });
    expect((await reexecute(flipped, failed, { store })).value('sum')).toBe(3 + 5);
    const second = runs[1] ?? '';
    await pruneStore(store, { versions: 1, runs: 0 });
    const head = await store.port.head();
    await expect(reexecute(defs, second, { store, steps: ['sum'] })).rejects.toMatchObject({
      name: 'SelectionError',
      code: 'MISSING_VALUE',
      message: expect.stringContaining('Nothing ran and nothing was written'),
    });
    expect(await store.port.head()).toBe(head);
  });
});

describe('a store that is opened again', () => {
  test('has the state, as a change of the one before where it is large', async () => {
    const folder = await newFolder();
    const many = asset({
      key: 'many',
      inputs: { x: input<number>() },
      state: { initial: () => ({ rows: Array.from({ length: 2000 }, (_, index) => ({ index, text: `row ${index}` })), n: 0 }) },
      run: ({ x: value }, { state }) => {
        const row = state.rows[value];
        if (row !== undefined) row.text = 'changed';
        state.n += 1;
        return state.n;
      },
    });
    const large = define({ assets: [x, many] });
    for (const value of [5, 7]) {
      await using store = await openStore(folder);
      await materialize(large, { store, sources: { x: value } });
    }
    expect(await verifyStore(folder)).toMatchObject({ findings: [] });
    await using store = await openStore(folder, { mode: 'read' });
    const state = (await stateOf(store, large, 'many')) as { readonly n: number; readonly rows: readonly { readonly text: string }[] };
    expect([state.n, state.rows[5]?.text, state.rows[6]?.text, state.rows[7]?.text]).toEqual([2, 'changed', 'row 6', 'changed']);
  });
});

describe('every form of body has the draft until it is over', () => {
  const state = { initial: () => ({ n: 0 }) };
  const outputs = { a: output<number>(), b: output<number>() };
  const forms = {
    value: op({ name: 'subject', state, run: (_, context) => (context.state.n += 1) }),
    promise: op({
      name: 'subject',
      state,
      run: async (_, context) => {
        await Promise.resolve();
        return (context.state.n += 1);
      },
    }),
    record: op({ name: 'subject', state, outputs, run: (_, context) => ({ a: (context.state.n += 1), b: context.state.n }) }),
    generator: op({
      name: 'subject',
      state,
      outputs,
      *run(_, context) {
        yield emit('a', 1);
        yield emit('b', 1);
        context.state.n += 1;
      },
    }),
    'async generator': op({
      name: 'subject',
      state,
      outputs,
      async *run(_, context) {
        yield emit('a', 1);
        await Promise.resolve();
        context.state.n += 1;
        yield emit('b', 1);
      },
    }),
    Observable: op({
      name: 'subject',
      state,
      outputs,
      run: (_, context) =>
        from([emit('a', 1), emit('b', 1)]).pipe(
          map((made) => {
            context.state.n += 0.5;
            return made;
          }),
        ),
    }),
    operator: op({ name: 'subject', state, operator: (frames, context) => frames.pipe(concatMap(() => of((context.state.n += 1)))) }),
  };
  test.each(Object.entries(forms))('%s', async (_, subject) => {
    const made = whole(() => {
      const result = untyped<() => Handle<unknown> | { readonly a: Handle<unknown>; readonly b: Handle<unknown> }>(subject)();
      return 'a' in result ? { ...result } : { a: result };
    });
    const store = memoryStore();
    for (let n = 1; n <= 3; n += 1) {
      await materialize(made, { store });
      expect(await stateOf(store, made, 'subject')).toEqual({ n });
    }
  });
});

const alone = (subject: unknown) => whole(() => ({ out: untyped<() => Handle<unknown>>(subject)() }));

describe('what an attempt that gave nothing did to the state', () => {
  test('is gone at the next attempt', async () => {
    const seen: unknown[] = [];
    const subject = op({
      name: 'subject',
      state: { initial: () => ({ list: [0], when: new Date(0) }) },
      retry: { max: 2 },
      run: (_, { state, attempt }) => {
        seen.push([...state.list], state.when.getTime());
        state.list.push(attempt);
        state.when.setTime(attempt);
        if (attempt < 3) throw new Error('again');
        return null;
      },
    });
    const store = memoryStore();
    const made = alone(subject);
    await materialize(made, { store });
    expect(seen).toEqual([[0], 0, [0], 0, [0], 0]);
    expect(await stateOf(store, made, 'subject')).toEqual({ list: [0, 3], when: new Date(3) });
    seen.length = 0;
    await materialize(made, { store });
    expect(seen).toEqual([[0, 3], 3, [0, 3], 3, [0, 3], 3]);
  });

  test('is gone where it was cancelled, took too long, or was refused late; and the draft is closed', async () => {
    const late: unknown[] = [];
    const clock = manualClock();
    const controller = new AbortController();
    const store = memoryStore();
    let mode = 'commit';
    const subject = op({
      name: 'subject',
      state: { initial: () => ({ n: 0 }) },
      timeoutMs: 100,
      run: async (_, { state }) => {
        state.n += 1;
        if (mode === 'commit') return 1;
        if (mode === 'cancel') controller.abort();
        if (mode === 'time') clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
        try {
          state.n += 1;
          late.push(state.n);
        } catch (error) {
          late.push(error instanceof TypeError);
        }
        return 1;
      },
    });
    const made = alone(subject);
    await materialize(made, { store, clock });
    mode = 'time';
    await materialize(made, { store, clock, throwOnFailure: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(late).toEqual([true]);
    mode = 'cancel';
    await expect(materialize(made, { store, clock, signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await stateOf(store, made, 'subject')).toEqual({ n: 1 });
  });

  test('is gone also where it was done to what cannot be frozen, and kept where it succeeded', async () => {
    const shared = { when: new Date(0), bytes: new Map([['a', new Uint8Array([1])]]) };
    const seen: unknown[] = [];
    const subject = op({
      name: 'subject',
      state: { initial: () => shared },
      retry: { max: 1 },
      run: (_, { state, attempt }) => {
        seen.push(state.when.getTime(), state.bytes.get('a')?.[0]);
        state.when.setTime(state.when.getTime() + 5);
        state.bytes.get('a')?.fill(7);
        if (attempt === 1) throw new Error('again');
        return null;
      },
    });
    const store = memoryStore();
    const made = alone(subject);
    await materialize(made, { store });
    expect(await stateOf(store, made, 'subject')).toEqual({ when: new Date(5), bytes: new Map([['a', new Uint8Array([7])]]) });
    await materialize(made, { store });
    expect(seen).toEqual([0, 1, 0, 1, 5, 7, 5, 7]);
    expect(await stateOf(store, made, 'subject')).toEqual({ when: new Date(10), bytes: new Map([['a', new Uint8Array([7])]]) });
    expect(shared).toEqual({ when: new Date(0), bytes: new Map([['a', new Uint8Array([1])]]) });
  });

  test('throws once it is over', async () => {
    let kept: { n: number } | undefined;
    const subject = op({
      name: 'subject',
      state: { initial: () => ({ n: 0 }) },
      run: (_, { state }) => {
        kept = state;
        return 1;
      },
    });
    await materialize(alone(subject), { store: memoryStore() });
    expect(() => kept?.n).toThrow(TypeError);
  });
});

describe('a state that cannot be kept fails the step', () => {
  const cyclic = (): object => {
    const made: Record<string, unknown> = {};
    made['self'] = made;
    return made;
  };
  const cases: readonly (readonly [string, unknown, string, string])[] = [
    [
      'a function in it',
      () => ({ deep: { run: () => 1 } }),
      'VALUE_NOT_STORABLE',
      'The initial state of step "subject" cannot be stored: a function at $.deep.run',
    ],
    ['a promise', async () => ({}), 'OP_BODY', 'The initial state of step "subject" is a promise'],
    ['a number', () => 1, 'OP_BODY', 'is a number'],
    ['a cycle', cyclic, 'VALUE_NOT_STORABLE', 'part of a cycle'],
    [
      'a throw',
      () => {
        throw new Error('no luck');
      },
      'OP_THREW',
      'no luck',
    ],
  ];
  test.each(cases)('initial: %s', async (_, initial, code, message) => {
    const subject = untyped<typeof op>(op)({ name: 'subject', state: { initial: initial as () => object }, run: () => 1 });
    const result = await materialize(alone(subject), { store: memoryStore(), throwOnFailure: false });
    expect(result.errors[0]).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  const left: readonly (readonly [string, (state: Record<string, unknown>) => void, string])[] = [
    [
      'an instance',
      (state) => {
        state['at'] = [new URL('https://a.b')];
      },
      'an instance of URL at $.at[0]',
    ],
    [
      'a cycle',
      (state) => {
        state['self'] = state;
      },
      'cannot be stored',
    ],
    [
      'a cycle of new objects',
      (state) => {
        state['self'] = cyclic();
      },
      'cannot be stored',
    ],
  ];
  test.each(left)('left behind: %s', async (_, change, message) => {
    const subject = op({
      name: 'subject',
      state: { initial: (): Record<string, unknown> => ({}) },
      run: (__, { state }) => {
        change(state);
        return 1;
      },
    });
    const store = memoryStore();
    const made = alone(subject);
    const result = await materialize(made, { store, throwOnFailure: false });
    expect(result.errors[0]).toMatchObject({ code: 'VALUE_NOT_STORABLE', message: expect.stringContaining(message) });
    expect(result.errors[0]?.message).toContain('The state of step "subject"');
    expect(await stateOf(store, made, 'subject')).toBe(undefined);
    expect(await store.value('out')).toBe(undefined);
  });
});

test('a state that is too large for the store fails its step, and nothing is written of it', async () => {
  const store = memoryStore({ maxValueBytes: 2000 });
  const grows = asset({
    key: 'grows',
    inputs: { x: input<number>() },
    state: { initial: () => ({ text: '' }) },
    run: ({ x: value }, { state }) => {
      state.text += 'x'.repeat(value);
      return value;
    },
  });
  const made = define({ assets: [x, grows] });
  await materialize(made, { store, sources: { x: 1500 } });
  const result = await materialize(made, { store, sources: { x: 501 }, throwOnFailure: false });
  expect(result.errors[0]).toMatchObject({ code: 'VALUE_TOO_LARGE', message: expect.stringContaining('The state of step "grows"') });
  expect(await stateOf(store, made, 'grows')).toEqual({ text: 'x'.repeat(1500) });
});

describe('what a body gives of its draft', () => {
  test('is as it was when it was given', async () => {
    const subject = op({
      name: 'subject',
      outputs: { whole: output<object>(), part: output<object>(), inside: output<object>() },
      state: { initial: () => ({ rows: [{ n: 1 }], map: new Map([['a', { n: 1 }]]), set: new Set([1]) }) },
      *run(_, { state, log }) {
        for (const row of state.rows) row.n += 1;
        state.map.set('a', { n: 5 });
        yield emit('whole', state, { metadata: { rows: state.rows } });
        yield emit('part', state.map);
        yield emit('inside', { list: [state.rows, new Map([['set', state.set]])] });
        log.info('rows', { rows: state.rows });
        state.rows.push({ n: 9 });
        state.set.add(2);
      },
    });
    const made = whole(() =>
      untyped<() => { readonly whole: Handle<unknown>; readonly part: Handle<unknown>; readonly inside: Handle<unknown> }>(subject)(),
    );
    const store = memoryStore();
    const result = await materialize(made, { store, throwOnFailure: false });
    expect(result.errors).toEqual([]);
    expect(await store.value('whole')).toEqual({ rows: [{ n: 2 }], map: new Map([['a', { n: 5 }]]), set: new Set([1]) });
    expect(await store.value('part')).toEqual(new Map([['a', { n: 5 }]]));
    expect(await store.value('inside')).toEqual({ list: [[{ n: 2 }], new Map([['set', new Set([1])]])] });
    const log = await logOf(store);
    expect(ofType(log, 'asset-materialized').find(({ key }) => key === 'whole')?.metadata).toEqual({ rows: [{ n: 2 }] });
    expect(ofType(log, 'log-line')[0]?.data).toEqual({ rows: [{ n: 2 }] });
    expect(await stateOf(store, made, 'subject')).toEqual({
      rows: [{ n: 2 }, { n: 9 }],
      map: new Map([['a', { n: 5 }]]),
      set: new Set([1, 2]),
    });
  });
});

describe('a step with several outputs', () => {
  const pair = op({
    name: 'pair',
    inputs: { x: input<number>() },
    outputs: { a: output<number>(), b: output<number>() },
    state: { initial: () => ({ runs: 0 }) },
    run: (_, { state }) => {
      state.runs += 1;
      return { a: state.runs, b: state.runs };
    },
  });

  test('goes on from its newest success, whatever that was asked for', async () => {
    const made = whole(() => pair({ x: op({ name: 'one', run: () => 1 })() }));
    const store = memoryStore();
    for (const select of [['a'], ['b'], ['a'], ['b', 'a'], ['b']] as const) await materialize(made, { store, select: [...select] });
    expect(await stateOf(store, made, 'pair')).toEqual({ runs: 5 });
    const reports = await refresh(made, { store, select: ['a'] });
    // Its outputs are made together: the last execution made no `a`.
    expect(reports.outcome('a')).toBe('materialized');
    expect(pair.outputsTogether).toBe(true);
  });
});

describe('a step whose outputs come and go with the code', () => {
  test('goes on from its newest success', async () => {
    const store = memoryStore();
    const state = { initial: () => ({ runs: 0 }) };
    const both = whole(() =>
      op({
        name: 'subject',
        outputs: { a: output<number>(), b: output<number>() },
        state,
        run: (_, context) => ({ a: (context.state.runs += 1), b: 1 }),
      })(),
    );
    const only = whole(() =>
      op({ name: 'subject', outputs: { b: output<number>() }, state, run: (_, context) => ({ b: (context.state.runs += 1) }) })(),
    );
    const without = whole(() => op({ name: 'subject', outputs: { b: output<number>() }, run: () => ({ b: 1 }) })());
    await materialize(both, { store });
    await materialize(only, { store });
    expect(await stateOf(store, both, 'subject')).toEqual({ runs: 2 });
    await materialize(both, { store });
    expect(await stateOf(store, both, 'subject')).toEqual({ runs: 3 });
    await materialize(without, { store });
    // Its newest success left no state.
    expect(await stateOf(store, both, 'subject')).toBe(undefined);
    await materialize(both, { store });
    expect(await stateOf(store, both, 'subject')).toEqual({ runs: 1 });
  });
});

describe('a re-execution', () => {
  test('starts from what the first run started from, and later runs go on from what it left', async () => {
    const store = memoryStore();
    await feed(store, 1);
    const parent = await materialize(defs, { store, sources: { x: 10 } });
    await feed(store, 100);
    const again = await reexecute(defs, parent.runId, { store, steps: ['sum'] });
    expect(again.value('sum')).toBe(11);
    await feed(store, 1000);
    expect(await stateOf(store, defs, 'sum')).toEqual({ seen: 1011, all: [1, 10, 1000] });
  });
});

describe('definitions', () => {
  test('refuse a state that is none', () => {
    const make =
      (state: unknown, more: object = {}) =>
      () =>
        untyped<typeof op>(op)({ name: 'subject', state: state as never, run: () => 1, ...more });
    expect(make({ initial: 1 })).toThrow(/"state" of op "subject": "initial" is a number/);
    expect(make({ initials: () => ({}) })).toThrow(/has no option "initials".*initial/);
    expect(make({ initial: () => ({}) }, { outputsTogether: false })).toThrow(/keeps state, and so are its outputs made together/);
  });

  test('are asked for steps that keep state only', async () => {
    const store = memoryStore();
    await expect(stateOf(store, defs, 'sun')).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('"sum"') });
    expect(await stateOf(store, defs, 'sum:sum')).toBe(undefined);
  });
});
