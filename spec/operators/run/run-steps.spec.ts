import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emit,
  graph,
  input,
  list,
  materialize,
  nothing,
  op,
  optional,
  output,
  plan,
  run,
  assetsFromGraph,
  define,
} from '../../../index.ts';
import type { Handle } from '../../../lib/model/handle.ts';
import { deferred, ready, until, type Deferred } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { whole } from '../rig/whole.ts';

/** Steps that start when the run says so and end when the test says so. */
function byHand(): {
  readonly started: string[];
  readonly gates: Map<string, Deferred<void>>;
  readonly step: (name: string, inputs?: readonly Handle[]) => Handle<string>;
  readonly end: (name: string) => Promise<void>;
} {
  const started: string[] = [];
  const gates = new Map<string, Deferred<void>>();
  const manual = op({
    name: 'manual',
    inputs: { before: list<string>() },
    run: async (_, { step }) => {
      started.push(step);
      const gate = deferred();
      gates.set(step, gate);
      await gate.promise;
      return step;
    },
  });
  return {
    started,
    gates,
    // What is wired carries anything; only its order counts here.
    step: (name, inputs = []) => manual.as(name)({ before: inputs as readonly Handle<string>[] }),
    end: async (name) => {
      gates.get(name)?.resolve();
      await ready(2);
    },
  };
}

describe('a step starts when every entry of every input is settled (X1)', () => {
  test('steps that do not wait for each other run at the same time; one that does starts with the last of them', async () => {
    const { started, step, end } = byHand();
    const defs = whole(() => {
      const a = step('a');
      const b = step('b');
      const c = step('c', [a]);
      return { d: step('d', [b, c]) };
    });
    const running = materialize(defs, { clock: manualClock() });
    await ready();
    expect(started).toEqual(['a', 'b']);
    await end('a');
    expect(started).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(started).toEqual(['a', 'b', 'c']);
    await end('b');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    await end('d');
    expect((await running).value('d')).toBe('d');
  });

  test('a slow step holds up nothing but what is downstream of it', async () => {
    const { started, step, end } = byHand();
    const defs = whole(() => {
      const slow = step('slow');
      const quick = step('quick');
      return { after_slow: step('after_slow', [slow]), third: step('third', [step('second', [quick])]) };
    });
    const running = materialize(defs, { clock: manualClock() });
    await ready();
    for (const name of ['quick', 'second', 'third']) await end(name);
    expect(started).toEqual(['slow', 'quick', 'second', 'third']);
    await end('slow');
    await end('after_slow');
    expect((await running).success).toBe(true);
  });

  for (const concurrency of [1, 2, 16]) {
    test(`no more than ${concurrency} asynchronous steps run at the same time, lowest in order first`, async () => {
      let most = 0;
      let now = 0;
      const gates: Deferred<void>[] = [];
      const order: string[] = [];
      const busy = op({
        name: 'busy',
        run: async (_, { step }) => {
          order.push(step);
          now += 1;
          most = Math.max(most, now);
          const gate = deferred();
          gates.push(gate);
          await gate.promise;
          now -= 1;
          return step;
        },
      });
      const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
      const defs = whole(() => Object.fromEntries(names.map((name) => [name, busy.as(name)()])));
      const running = materialize(defs, { concurrency, clock: manualClock() });
      await ready();
      expect(gates).toHaveLength(concurrency);
      for (let ended = 0; ended < 40; ended += 1) {
        await until(() => gates.length > ended);
        gates[ended]?.resolve();
      }
      await running;
      expect(most).toBe(concurrency);
      expect(order).toEqual(names);
    });
  }

  test('16 is the default', async () => {
    const { started, step, gates } = byHand();
    const running = materialize(
      whole(() => Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`s${index}`, step(`s${index}`)]))),
      { clock: manualClock() },
    );
    await ready();
    expect(started).toHaveLength(16);
    while (started.length < 20 || [...gates.values()].length > 0) {
      for (const [name, gate] of gates) {
        gate.resolve();
        gates.delete(name);
      }
      await ready(1);
    }
    await running;
  });

  test('what comes after by internalDeps alone waits too, and is not blocked by a failure', async () => {
    const order: string[] = [];
    const first = op({
      name: 'first',
      run: () => {
        order.push('first');
        throw new Error('x');
      },
    });
    const second = op({ name: 'second', run: () => order.push('second') });
    const g = graph('g', () => ({ second: second(), first: first() }));
    const defs = define({ assets: [assetsFromGraph(g, { internalDeps: { second: ['first'] } })] });
    const result = await materialize(defs, { throwOnFailure: false });
    expect(order).toEqual(['first', 'second']);
    expect(Object.fromEntries(result.outcomes)).toEqual({ first: 'failed', second: 'materialized' });
  });

  test('a run of synchronous steps starts them in one go, in order', async () => {
    const order: string[] = [];
    const note = op({ name: 'note', inputs: { before: list<unknown>() }, run: (_, { step }) => order.push(step) });
    const defs = whole(() => {
      const a = note.as('a')({ before: [] });
      const b = note.as('b')({ before: [a] });
      return { c: note.as('c')({ before: [a, b] }), d: note.as('d')({ before: [] }) };
    });
    await materialize(defs, { clock: manualClock() });
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('the event loop gets a turn at least every 10 ms between steps (X1)', () => {
  /** How often something else got a turn while a chain of 100 steps ran, each of which takes 1 ms by the run's clock. */
  async function turnsOf(body: 'sync' | 'async', step = 1): Promise<{ readonly turns: number; readonly values: unknown }> {
    const clock = manualClock({ step });
    let running = true;
    let turns = 0;
    const tick = (): void => {
      turns += 1;
      if (running) setImmediate(tick);
    };
    const start = op({ name: 'start', run: () => 0 });
    const next =
      body === 'sync'
        ? op({ name: 'next', inputs: { x: input<number>() }, run: ({ x }) => x + 1 })
        : op({ name: 'next', inputs: { x: input<number>() }, run: async ({ x }) => x + 1 });
    const defs = whole(() => {
      let handle: Handle<number> = start();
      for (let index = 0; index < 100; index += 1) handle = next.as(`n${index}`)({ x: handle });
      return { end: handle };
    });
    setImmediate(tick);
    const result = await materialize(defs, { clock });
    running = false;
    return { turns, values: result.value('end') };
  }

  for (const body of ['sync', 'async'] as const) {
    test(`in a chain of ${body} steps`, async () => {
      const { turns, values } = await turnsOf(body);
      expect(values).toBe(100);
      // The clock moves by 1 ms a look, and is looked at least once a step.
      expect(turns).toBeGreaterThanOrEqual(10);
    });

    test(`not more often than needed, while no time passes: ${body} steps`, async () => {
      const { turns } = await turnsOf(body, 0);
      expect(turns).toBeLessThanOrEqual(5);
    });

    test(`each turn brings the run on, however slow the machine is: ${body} steps`, async () => {
      const { turns, values } = await turnsOf(body, 1000);
      expect(values).toBe(100);
      expect(turns).toBeGreaterThanOrEqual(50);
    });
  }

  test('also between independent steps that settle at once', async () => {
    const clock = manualClock({ step: 1 });
    let other = false;
    setImmediate(() => (other = true));
    const seen: boolean[] = [];
    const look = op({ name: 'look', run: () => seen.push(other) });
    await materialize(
      whole(() => Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`s${index}`, look.as(`s${index}`)()]))),
      { clock },
    );
    expect(seen.indexOf(true) >= 0).toBe(true);
  });
});

describe('blocked comes before skipped (X2, X3)', () => {
  const fails = op({
    name: 'fails',
    run: (): number => {
      throw new Error('x');
    },
  });
  const absent = op({ name: 'absent', outputs: { out: optional<number>() }, run: () => ({}) });
  const one = op({ name: 'one', run: () => 1 });
  const ran: string[] = [];
  const note = <I extends Readonly<Record<string, unknown>>>(inputs: I): string => {
    ran.push(JSON.stringify(inputs, (_, value: unknown) => (value === undefined ? 'undefined' : value)));
    return ran.at(-1) ?? '';
  };
  const value = op({ name: 'value', inputs: { x: input<number>(), y: input<number>() }, run: note });
  const many = op({ name: 'many', inputs: { xs: list<number>() }, run: note });
  const after = op({ name: 'after', inputs: { before: nothing() }, run: note });
  const optionals = op({
    name: 'optionals',
    inputs: { x: input<number>({ optional: true }), xs: list<number>({ optional: true }), before: nothing({ optional: true }) },
    run: note,
  });

  const worlds: readonly (readonly [name: string, build: () => Handle, outcome: string, got?: string])[] = [
    ['a failed and an absent value: blocked', () => value({ x: fails(), y: absent().out }), 'blocked'],
    ['an absent and a failed value: blocked', () => value({ x: absent().out, y: fails() }), 'blocked'],
    ['one absent value of two: skipped', () => value({ x: one(), y: absent().out }), 'absent'],
    ['a list with one failed entry: blocked', () => many({ xs: [one(), fails()] }), 'blocked'],
    ['a list whose entries are all absent: skipped', () => many({ xs: [absent().out, absent.as('b')().out] }), 'absent'],
    [
      'a list with one entry that is there: runs with that one',
      () => many({ xs: [absent().out, one(), absent.as('b')().out] }),
      'materialized',
      '{"xs":[1]}',
    ],
    ['a list wired as []: runs', () => many({ xs: [] }), 'materialized', '{"xs":[]}'],
    ['nothing, failed: blocked', () => after({ before: fails() }), 'blocked'],
    ['nothing, absent: skipped', () => after({ before: absent().out }), 'absent'],
    ['nothing of several, not all absent: runs', () => after({ before: [absent().out, one()] }), 'materialized', '{}'],
    ['nothing of several, one failed: blocked', () => after({ before: [one(), fails()] }), 'blocked'],
    ['optional inputs that are not wired: runs', () => optionals(), 'materialized', '{"x":"undefined","xs":[]}'],
    [
      'optional inputs that are all absent: runs',
      () => optionals({ x: absent().out, xs: [absent.as('b')().out], before: absent.as('c')().out }),
      'materialized',
      '{"x":"undefined","xs":[]}',
    ],
    ['an optional input that failed: blocked', () => optionals({ x: fails() }), 'blocked'],
    ['an optional list with a failed entry: blocked', () => optionals({ xs: [one(), fails()] }), 'blocked'],
    ['downstream of a blocked step: blocked', () => many({ xs: [many.as('m')({ xs: [fails()] }), absent().out] as never }), 'blocked'],
    ['downstream of a skipped step: skipped', () => many({ xs: [many.as('m')({ xs: [absent().out] })] as never }), 'absent'],
  ];
  for (const [name, build, outcome, got] of worlds) {
    test(name, async () => {
      ran.length = 0;
      const result = await materialize(
        whole(() => ({ out: build() })),
        { throwOnFailure: false },
      );
      expect(result.outcome('out')).toBe(outcome);
      expect(ran.at(-1)).toBe(got);
    });
  }

  test('all outputs of a skipped step are absent, also required ones, and what is blocked names the steps that failed', async () => {
    const two = op({
      name: 'two',
      inputs: { x: input<number>() },
      outputs: { a: output<number>(), b: output<number>() },
      run: () => ({ a: 1, b: 2 }),
    });
    const result = await materialize(
      whole(() => ({
        ...two({ x: absent().out }),
        blocked: many({ xs: [fails.as('f1')(), many.as('m')({ xs: [fails.as('f2')()] }) as never] }),
      })),
      { throwOnFailure: false },
    );
    expect(Object.fromEntries(result.outcomes)).toEqual({ a: 'absent', b: 'absent', blocked: 'blocked' });
    expect(result.steps.get('two')?.outcome).toBe('skipped');
    expect(result.steps.get('many')?.blockedBy).toEqual(['f1', 'f2']);
  });
});

describe('fan-in (X4)', () => {
  test('entries keep the order in which they were wired, whatever the order in which they settle', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('sync', 'async', 'absent', 'null'), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat(1000)),
        async (kinds, keys) => {
          const gates: Deferred<void>[] = [];
          const collect = op({ name: 'collect', inputs: { all: list<unknown>() }, run: ({ all }) => all });
          const defs = whole(() => ({
            all: collect({
              all: kinds.map(
                (kind, index) =>
                  op({
                    name: `p${index}`,
                    outputs: { out: optional<unknown>() },
                    run: async () => {
                      if (kind !== 'sync') {
                        const gate = deferred();
                        gates.push(gate);
                        await gate.promise;
                      }
                      return kind === 'absent' ? {} : { out: kind === 'null' ? null : index };
                    },
                  })().out,
              ),
            }),
          }));
          const running = materialize(defs, { clock: manualClock() });
          await ready(1);
          const order = gates.map((gate) => ({ gate, key: keys.next().value })).sort((a, b) => a.key - b.key);
          for (const { gate } of order) {
            gate.resolve();
            await ready(1);
          }
          const result = await running;
          const expected = kinds.flatMap((kind, index) => (kind === 'absent' ? [] : [kind === 'null' ? null : index]));
          expect(result.outcome('all')).toBe(expected.length === 0 ? 'absent' : 'materialized');
          expect(expected.length === 0 ? [] : result.value('all')).toEqual(expected);
        },
      ),
      { numRuns: 60, seed: 4, verbose: true },
    );
  });
});

describe('what an op emits beyond what was asked (X5, X6, X7)', () => {
  const emitsAll = op({
    name: 'emits_all',
    outputs: { asked: output<number>(), asset: output<number>(), middle: output<number>() },
    *run() {
      yield emit('asked', 1);
      yield emit('asset', 2);
      yield emit('middle', 3);
    },
  });
  const reader = op({ name: 'reader', inputs: { x: input<number>() }, run: ({ x }) => x });
  // "middle" is read by "read" alone and no asset; "asset" is an asset that nobody reads.
  const defs = whole(() => {
    const { asked, asset, middle } = emitsAll();
    return { asked, asset, read: reader({ x: middle }) };
  });

  test('discard: it goes nowhere, and one event for each says so', async () => {
    const { events } = await watchRun(run(plan(defs, { select: ['asked'] })));
    expect(ofType(events, 'output-discarded').map(({ output: name, key, step }) => [step, name, key])).toEqual([
      ['emits_all', 'asset', 'asset'],
      ['emits_all', 'middle', null],
    ]);
    expect(ofType(events, 'asset-materialized').map(({ key }) => key)).toEqual(['asked']);
    expect(ofType(events, 'step-started')).toMatchObject([{ selectedOutputs: ['asked'] }]);
    expect(ofType(events, 'step-settled')[0]?.outputs.map(({ output: name }) => name)).toEqual(['asked']);
  });

  test('materialize: assets are recorded and marked unexpected, and the rest goes nowhere', async () => {
    const result = await materialize(defs, { select: ['asked'], unselectedOutputs: 'materialize' });
    expect(result.unexpected).toEqual(['asset']);
    expect([...result.outcomes.keys()]).toEqual(['asked']);
    expect(result.steps.has('reader')).toBe(false);
    const { events } = await watchRun(run(plan(defs, { select: ['asked'], unselectedOutputs: 'materialize' })));
    expect(ofType(events, 'asset-materialized').map(({ key, unexpected }) => [key, unexpected])).toEqual([
      ['asked', false],
      ['asset', true],
    ]);
    expect(ofType(events, 'step-settled')[0]?.outputs.map(({ output: name }) => name)).toEqual(['asked']);
  });

  test('error: it fails the step', async () => {
    const result = await materialize(defs, { select: ['asked'], unselectedOutputs: 'error', throwOnFailure: false });
    expect(result.errors).toMatchObject([{ code: 'OUTPUT_NOT_SELECTED', details: { output: 'asset' } }]);
    expect(result.outcome('asked')).toBe('failed');
  });

  const chain = whole(() => {
    const first = op({ name: 'first', run: () => 1 });
    const needed = first();
    return { needed, last: reader({ x: needed }) };
  });
  test.each(['discard', 'materialize', 'error'] as const)('an asset in need and not in the selection: %s', async (unselectedOutputs) => {
    const { events } = await watchRun(run(plan(chain, { select: ['last'], unselectedOutputs, inGraphUpstream: 'recompute' })));
    expect(ofType(events, 'run-ended')).toMatchObject([{ status: 'succeeded' }]);
    expect(ofType(events, 'asset-materialized').map(({ key, unexpected }) => [key, unexpected])).toEqual(
      unselectedOutputs === 'materialize'
        ? [
            ['needed', true],
            ['last', false],
          ]
        : [['last', false]],
    );
    expect(ofType(events, 'output-discarded')).toEqual([]);
  });

  test('a second emission on one output fails the step also where the first went nowhere (X5)', async () => {
    const twice = op({
      name: 'twice',
      outputs: { asked: output<number>(), other: output<number>() },
      *run() {
        yield emit('asked', 1);
        yield emit('other', 1);
        yield emit('other', 2);
      },
    });
    for (const unselectedOutputs of ['discard', 'materialize'] as const) {
      const result = await materialize(
        whole(() => ({ ...twice() })),
        { select: ['asked'], unselectedOutputs, throwOnFailure: false },
      );
      expect(result.errors).toMatchObject([{ code: 'OUTPUT_REPEATED', details: { output: 'other' } }]);
    }
  });

  test('an undeclared output fails the step also where nothing of the step would be missing (X5)', async () => {
    const undeclared = op({ name: 'undeclared', outputs: { asked: optional<number>() }, run: () => ({ asked: 1, askd: 2 }) });
    const result = await materialize(
      whole(() => ({ ...undeclared() })),
      { throwOnFailure: false },
    );
    expect(result.errors).toMatchObject([{ code: 'OUTPUT_UNDECLARED', details: { output: 'askd' } }]);
    expect(result.errors[0]?.message).toContain('"asked"');
  });

  test('a required output that is not in need is never missed (X6)', async () => {
    const asked = op({
      name: 'asked',
      outputs: { a: output<number>(), b: output<number>() },
      *run(_, { selectedOutputs }) {
        if (selectedOutputs.has('a')) yield emit('a', 1);
        if (selectedOutputs.has('b')) yield emit('b', 2);
      },
    });
    const both = whole(() => ({ ...asked() }));
    for (const unselectedOutputs of ['discard', 'materialize', 'error'] as const) {
      expect((await materialize(both, { select: ['b'], unselectedOutputs })).value('b')).toBe(2);
    }
  });

  test('selectedOutputs holds what is in need, also what only feeds another step, and cannot be changed (N4)', async () => {
    const seen: ReadonlySet<string>[] = [];
    const asks = op({
      name: 'asks',
      outputs: { a: optional<number>(), b: optional<number>(), c: optional<number>() },
      run: (_, { selectedOutputs }) => {
        seen.push(selectedOutputs);
        expect(() => (selectedOutputs as Set<string>).add('c')).toThrow(TypeError);
        return { a: 1, b: 2, c: 3 };
      },
    });
    const made = whole(() => {
      const { a, b, c } = asks();
      return { a, c, read: reader({ x: b }) };
    });
    await materialize(made, { select: ['read'] });
    await materialize(made, { select: ['a', 'read'] });
    await materialize(made);
    expect(seen.map((each) => [...each])).toEqual([['b'], ['a', 'b'], ['a', 'b', 'c']]);
  });
});

test('names that every object has are names like any other', async () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'valueOf'] as const;
  const outputs = Object.fromEntries(names.map((name) => [name, output<string>()]));
  const inputs = Object.fromEntries(names.map((name) => [name, input<string>()]));
  const makes = op({
    name: 'constructor',
    outputs,
    *run() {
      for (const name of names) yield emit(name, name);
    },
  });
  const reads = op({
    name: 'toString',
    inputs,
    run: (got) => names.map((name) => (Object.hasOwn(got, name) ? Reflect.get(got, name) : 'inherited')),
  });
  const defs = whole(() => {
    const made = makes();
    return { read: reads(made), ...Object.fromEntries(Object.entries(made)) };
  });
  const result = await materialize(defs);
  expect(result.value('read' as never)).toEqual(names);
  expect(result.value('__proto__' as never)).toBe('__proto__');
});
