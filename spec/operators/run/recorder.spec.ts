import { describe, expect, test } from 'vitest';
import { emit, input, materialize, op, optional, output, plan, refresh, run, StoreError, type RunEvent } from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { deferred, ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf, watchedStore, type Interference } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

type Changing = { -readonly [K in keyof Interference]: Interference[K] };

const one = op({ name: 'one', run: () => 1 });
const addOne = op({ name: 'add_one', inputs: { x: input<number>() }, run: ({ x }) => x + 1 });
const later = op({ name: 'later', inputs: { x: input<number>() }, run: async ({ x }) => x + 1 });

/** Four assets in a chain, half of them asynchronous, so that a run needs several appends. */
const chain = whole(() => {
  const a = one();
  const b = later({ x: a });
  const c = addOne({ x: b });
  return { a, b, c, d: later.as('last')({ x: c }) };
});

describe('a step is atomic (X8)', () => {
  test.each<[string, () => unknown]>([
    [
      'a generator',
      function* () {
        yield emit('a', 1);
        yield emit('b', 2);
        throw new Error('late');
      },
    ],
    [
      'an async generator',
      async function* () {
        yield emit('a', 1);
        await Promise.resolve();
        throw new Error('late');
      },
    ],
    [
      'a generator without a required output',
      function* () {
        yield emit('a', 1);
      },
    ],
    ['a record with an undeclared output', () => ({ a: 1, b: 2, c: 3 })],
    ['a value that cannot be stored', () => ({ a: 1, b: () => 1 })],
  ])('nothing of a failed step is recorded, even what it emitted before: %s', async (_, body) => {
    const fails = op({ name: 'fails', outputs: { a: output<number>(), b: output<number>() }, run: body as () => { a: number; b: number } });
    const { store } = watchedStore();
    const defs = whole(() => ({ ...fails() }));
    await materialize(defs, { store, throwOnFailure: false });
    const log = await logOf(store);
    expect(ofType(log, 'asset-materialized')).toEqual([]);
    expect(ofType(log, 'asset-failed').map(({ key }) => key)).toEqual(['a', 'b']);
    expect(ofType(log, 'step-settled')).toMatchObject([
      {
        outcome: 'failed',
        outputs: [
          { output: 'a', state: { state: 'failed' } },
          { output: 'b', state: { state: 'failed' } },
        ],
      },
    ]);
    expect(await store.value('a')).toBeUndefined();
  });

  test('all outputs of a step are recorded in one append, next to each other', async () => {
    const many = op({
      name: 'many',
      outputs: { a: output<number>(), b: output<number>(), c: output<number>() },
      run: () => ({ a: 1, b: 2, c: 3 }),
    });
    const { store, batches } = watchedStore();
    await materialize(
      whole(() => ({ ...many() })),
      { store },
    );
    expect(batches.map(({ events }) => events.map(({ type }) => type))).toEqual([
      ['run-started'],
      ['step-settled', 'asset-materialized', 'asset-materialized', 'asset-materialized', 'run-ended'],
    ]);
  });

  test('what is downstream may start before the append; what is published, and the promise, wait for it', async () => {
    const gate = deferred();
    const interference: Changing = {
      beforeAppend: (batch) => (batch.events.some(({ type }) => type === 'step-settled') ? gate.promise : undefined),
    };
    const { store } = watchedStore(interference);
    const events: RunEvent[] = [];
    let over = false;
    run(plan(chain), { store }).subscribe({ next: (event) => events.push(event), complete: () => (over = true) });
    await until(() => ofType(events, 'step-started').length === 4);
    await ready();
    expect(events.map(({ type }) => type)).toEqual(['run-started', 'step-started', 'step-started', 'step-started', 'step-started']);
    expect(over).toBe(false);
    gate.resolve();
    await until(() => over);
    expect(ofType(events, 'asset-materialized').map(({ key }) => key)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('one append runs at a time, and what settles meanwhile makes the next group', async () => {
    let appending = 0;
    let most = 0;
    const { store, batches } = watchedStore({
      beforeAppend: async () => {
        most = Math.max(most, (appending += 1));
        await ready(3);
        appending -= 1;
      },
    });
    const steps = whole(() =>
      Object.fromEntries(
        Array.from({ length: 30 }, (_, index): readonly [string, Handle<number>] => [
          `a${index}`,
          later.as(`s${index}`)({ x: one.as(`o${index}`)() }),
        ]),
      ),
    );
    await materialize(steps, { store, concurrency: 3 });
    expect(most).toBe(1);
    expect(batches.length).toBeLessThan(32);
    expect(batches.flatMap(({ events }) => events).filter(({ type }) => type === 'step-settled')).toHaveLength(60);
  });

  test('a group holds at most 500 steps, so that a large run does not hold the event loop in one append', async () => {
    const { store, batches } = watchedStore();
    const wide = whole(() => Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`a${index}`, one.as(`s${index}`)()])));
    await materialize(wide, { store, clock: manualClock() });
    const sizes = batches.map(({ events }) => events.filter(({ type }) => type === 'step-settled').length);
    expect(sizes).toEqual([0, 500, 500, 200]);
  });
});

describe('the end of a run', () => {
  const three = whole(() => {
    const a = one();
    const b = addOne({ x: a });
    return { a, b, c: addOne.as('last')({ x: b }) };
  });

  test('is recorded with its last steps, where nothing happens between them', async () => {
    const { store, batches } = watchedStore();
    await refresh(three, { store, clock: manualClock() });
    expect(batches.map(({ events }) => events.at(-1)?.type)).toEqual(['run-started', 'run-ended']);
  });

  test('comes after them where hooks are told of them, or resources are let go of', async () => {
    const { store, batches } = watchedStore();
    await refresh(three, { store, hooks: { onSuccess: () => undefined }, clock: manualClock() });
    expect(batches.map(({ events }) => events.at(-1)?.type)).toEqual(['run-started', 'asset-materialized', 'run-ended']);
  });

  test('says up to where nobody else has written, where somebody writes before it', async () => {
    const interference: Changing = {};
    const { store, batches } = watchedStore(interference);
    let puts = 0;
    interference.beforeAppend = async (batch) => {
      if (puts > 0 || !batch.events.some(({ type }) => type === 'run-ended')) return;
      puts += 1;
      await store.put('elsewhere', 1);
    };
    const { position } = await refresh(three, { store, clock: manualClock() });
    const log = await logOf(store);
    expect(log.map(({ position: each }) => each)).toEqual(log.map((_, index) => index + 1));
    expect(log.map(({ type }) => type).slice(0, 3)).toEqual(['run-started', 'source-observed', 'step-settled']);
    expect(ofType(log, 'step-settled')).toHaveLength(3);
    expect(ofType(log, 'run-ended')).toMatchObject([{ status: 'succeeded', position, verified: { position: 1 } }]);
    // The one that numbered its events for another place was refused as a whole.
    expect(batches.filter(({ at }) => at !== undefined)).toHaveLength(1);
    expect((await refresh(three, { store })).outcome('c')).toBe('fresh');
  });
});

describe('an append that fails', () => {
  /** Runs the chain on a store whose append number `index` fails. */
  async function failAt(index: number) {
    const broken = new StoreError('STORE_FULL', 'The disk is full.');
    const interference: Changing = {
      beforeAppend: (_, at) => {
        if (at === index) throw broken;
      },
    };
    const watched = watchedStore(interference);
    const before = await logOf(watched.store);
    const seen = await watchRun(run(plan(chain), { store: watched.store, concurrency: 1, clock: manualClock() }));
    delete interference.beforeAppend;
    return { ...watched, ...seen, broken, before };
  }

  /** How many appends the chain takes where nothing fails. */
  async function appendsOfChain(): Promise<number> {
    const { store, batches } = watchedStore();
    await watchRun(run(plan(chain), { store, concurrency: 1, clock: manualClock() }));
    return batches.length;
  }

  test('the first, each in the middle, the last: the run errors with the store’s error, nothing is half-recorded, and the store goes on', async () => {
    const appends = await appendsOfChain();
    expect(appends).toBeGreaterThan(3);
    for (let index = 0; index < appends; index += 1) {
      const { error, broken, events, store, batches } = await failAt(index);
      expect(error).toBe(broken);
      // Nothing is written after the append that failed, but that the run has ended, and nothing is published that is not there.
      const hasStarted = index > 0;
      expect(batches).toHaveLength(index + (hasStarted ? 2 : 1));
      expect(ofType(events, 'run-ended').map(({ status }) => status)).toEqual(hasStarted ? ['failed'] : []);
      const log = await logOf(store);
      expect(log).toHaveLength(batches.filter((_, at) => at !== index).flatMap((batch) => batch.events).length);
      const published = events.filter((event) => 'position' in event);
      expect(published).toEqual(log);
      for (const { definition, step } of ofType(log, 'asset-materialized')) {
        expect(ofType(log, 'step-settled').some((settled) => settled.definition === definition && settled.step === step)).toBe(true);
      }
      // The turn was let go, and the next run is whole.
      const result = await materialize(chain, { store, whenBusy: 'error' });
      expect(result.value('d')).toBe(4);
      expect(await store.value('d')).toBe(4);
    }
  });

  test('materialize rejects with it too, and runs that wait go on', async () => {
    const interference: Changing = {
      beforeAppend: (_, at) => {
        if (at === 1) throw new StoreError('STORE_IO', 'The disk does not answer.');
      },
    };
    const { store } = watchedStore(interference);
    const [first, second] = await Promise.allSettled([materialize(chain, { store }), materialize(chain, { store })]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'STORE_IO' } });
    expect(second).toMatchObject({ status: 'fulfilled', value: { success: true } });
  });

  test('nothing more starts after it, and bodies that run see the signal', async () => {
    const aborted: string[] = [];
    const started: string[] = [];
    const quick = op({ name: 'quick', run: () => 1 });
    const waits = op({
      name: 'waits',
      inputs: { x: input<number>({ optional: true }) },
      run: (_, { signal, step }) => {
        started.push(step);
        return new Promise<number>((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            aborted.push(step);
            reject(new Error('aborted'));
          }),
        );
      },
    });
    const { store } = watchedStore({
      beforeAppend: (_, at) => {
        if (at === 1) throw new StoreError('STORE_IO', 'The disk does not answer.');
      },
    });
    const defs = whole(() => {
      const first = quick();
      const second = waits();
      return { first, second, third: waits.as('never')({ x: second }) };
    });
    await expect(materialize(defs, { store, clock: manualClock() })).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(started).toEqual(['waits']);
    expect(aborted).toEqual(['waits']);
  });

  test('a step that failed at the same time hides nothing: the store’s error is what the run errors with', async () => {
    const fails = op({
      name: 'fails',
      run: () => {
        throw new Error('x');
      },
    });
    const { store } = watchedStore({
      beforeAppend: (_, at) => {
        if (at === 1) throw new StoreError('STORE_IO', 'The disk does not answer.');
      },
    });
    await expect(
      materialize(
        whole(() => ({ out: fails() })),
        { store },
      ),
    ).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  test('a store that was closed meanwhile errors the run', async () => {
    const gate = deferred();
    const waits = op({ name: 'waits', run: async () => (await gate.promise, 1) });
    const { store } = watchedStore();
    const running = materialize(
      whole(() => ({ out: waits() })),
      { store },
    );
    await ready();
    await store.close();
    gate.resolve();
    await expect(running).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(materialize(chain, { store })).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });
});

describe('what is recorded', () => {
  test('positions have no gaps and grow, and every settled step stands behind all that it read', async () => {
    const { store } = watchedStore();
    const { events } = await watchRun(run(plan(chain), { store }));
    const logged = events.flatMap((event) => ('position' in event ? [event] : []));
    expect(logged.map(({ position }) => position)).toEqual(logged.map((_, index) => index + 1));
    for (const event of ofType(events, 'step-settled')) {
      for (const { position } of event.inputs) expect(position).toBeLessThan(event.position);
    }
    expect(logged).toEqual(await logOf(store));
  });

  test('the entries of a step’s inputs name the event that each one came from, with its version (R2)', async () => {
    const { store } = watchedStore();
    await materialize(chain, { store });
    const log = await logOf(store);
    const at = new Map(log.map((event) => [event.position, event]));
    for (const event of ofType(log, 'asset-materialized')) {
      for (const { origin, state, position } of event.inputs) {
        const came = at.get(position ?? 0);
        expect(came).toMatchObject({ type: 'step-settled', step: origin.from === 'step' ? origin.step : '' });
        expect(came?.type === 'step-settled' && came.outputs[0]?.state).toEqual(state);
      }
    }
  });

  test('an asset that was absent before is not logged again (R1), and a value after it is a materialization (R4)', async () => {
    let value: number | undefined;
    const pick = op({ name: 'pick', outputs: { out: optional<number>() }, run: () => (value === undefined ? {} : { out: value }) });
    const defs = whole(() => ({ ...pick(), always: one() }));
    const { store } = watchedStore();
    const types: string[][] = [];
    for (const next of [1, undefined, undefined, 1]) {
      value = next;
      const from = (await store.port.head()) + 1;
      await materialize(defs, { store });
      const events: string[] = [];
      for await (const event of store.events({ from })) if ('key' in event && event.key === 'out') events.push(event.type);
      types.push(events);
    }
    expect(types).toEqual([['asset-materialized'], ['asset-absent'], [], ['asset-materialized']]);
  });

  test('materialize records an event even when the value is the same (R4)', async () => {
    const { store } = watchedStore();
    await materialize(chain, { store });
    await materialize(chain, { store });
    const events = ofType(await logOf(store), 'asset-materialized');
    expect(events).toHaveLength(8);
    expect(new Set(events.map(({ version }) => version)).size).toBe(4);
  });
});
