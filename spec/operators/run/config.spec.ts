import { map } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  asset,
  assetsFromGraph,
  define,
  emit,
  graph,
  input,
  materialize,
  op,
  optional,
  plan,
  run,
  runGraph,
  type LoggedEvent,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

const size = z.object({ size: z.number().default(1) });

describe('a body', () => {
  const seen: unknown[] = [];
  const returns = op({
    name: 'returns',
    config: size,
    run: (_, { config }) => {
      seen.push(config);
      return config.size;
    },
  });
  const emits = op({
    name: 'emits',
    outputs: { out: optional<number>() },
    config: size,
    *run(_, { config }) {
      yield emit('out', config.size);
    },
  });
  const pipes = op({ name: 'pipes', config: size, operator: (frames, { config }) => frames.pipe(map(() => config.size)) });
  const bare = op({ name: 'bare', run: (_, context) => [context.config, Object.hasOwn(context, 'config')] });
  const all = graph('all', () => ({ a: returns(), b: emits().out, c: pipes(), d: returns.as('again')(), e: bare() }));
  const defs = define({ assets: [assetsFromGraph(all)] });

  test('gets its config, whatever its form; one without gets undefined', async () => {
    const result = await materialize(defs, { config: { ops: { returns: { size: 2 }, emits: { size: 3 }, pipes: { size: 4 } } } });
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => result.value(key as 'a'))).toEqual([2, 3, 4, 2, [undefined, true]]);
  });

  test('gets the defaults where nothing is given, each run anew', async () => {
    expect((await materialize(defs)).value('c')).toBe(1);
    expect((await materialize(defs, { config: { ops: { pipes: {} } } })).value('c')).toBe(1);
  });

  test('gets the config of the plan that runs', async () => {
    const store = memoryStore();
    const planned = plan(defs, { config: { steps: { again: { size: 9 } } } });
    await watchRun(run(planned, { store }));
    expect(await store.value('d')).toBe(9);
    await watchRun(run(planned, { store }));
    expect(await store.value('d')).toBe(9);
  });

  test('cannot change what others get of it', async () => {
    const changes = op({
      name: 'changes',
      config: z.object({ rows: z.array(z.number()) }),
      run: (_, { config }) => {
        config.rows.push(1);
        return config.rows;
      },
    });
    const writing = define({ assets: [asset({ key: 'w', run: () => 1 }), assetsFromGraph(graph('g', () => changes()))] });
    const result = await materialize(writing, { config: { ops: { changes: { rows: [] } } }, throwOnFailure: false });
    expect(result.outcome('w')).toBe('materialized');
    expect(result.errors[0]?.cause).toBeInstanceOf(TypeError);
  });

  test('gets the very same one in every attempt', async () => {
    const attempts: unknown[] = [];
    const retries = asset({
      key: 'r',
      config: size,
      retry: { max: 1 },
      run: (_, { config, attempt }) => {
        attempts.push(config);
        if (attempt === 1) throw new Error('once');
        return config.size;
      },
    });
    const clock = manualClock();
    const running = materialize(define({ assets: [retries] }), { config: { ops: { r: { size: 6 } } }, clock });
    await until(() => clock.waiting() > 0);
    clock.advance(1_000_000);
    const result = await running;
    expect(result.value('r')).toBe(6);
    expect(attempts).toHaveLength(2);
    expect(attempts[0]).toBe(attempts[1]);
  });

  test('of a bare graph gets it too', async () => {
    const outcome = await runGraph(all, {}, { config: { ops: { returns: { size: 5 } }, steps: { again: { size: 6 } } } });
    expect(outcome).toMatchObject({ a: 5, d: 6, b: 1 });
  });
});

describe('an invalid config', () => {
  test('stops the run before anything ran or was written', async () => {
    const store = memoryStore();
    let ran = 0;
    const defs = define({
      assets: [asset({ key: 'free', run: () => (ran += 1) }), asset({ key: 'a', config: size, run: (_, { config }) => config.size })],
    });
    const given = { config: { ops: { a: { size: 'x' } } } };
    await expect(materialize(defs, { store, ...given })).rejects.toMatchObject({ name: 'SelectionError', code: 'INVALID_CONFIG' });
    await expect(materialize(defs, { store, ...given, throwOnFailure: false })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    expect(ran).toBe(0);
    expect(await logOf(store)).toEqual([]);
  });
});

describe('what is recorded', () => {
  const given = op({ name: 'given', config: size, run: (_, { config }) => config.size });
  const fails = op({
    name: 'fails',
    config: size,
    run: (): number => {
      throw new Error('no');
    },
  });
  const nothing = op({ name: 'gives_nothing', outputs: { out: optional<number>() }, config: size, run: () => ({}) });
  const after = op({ name: 'after', inputs: { x: input<number>() }, config: size, run: ({ x }) => x });
  const plain = op({ name: 'plain', run: () => 1 });
  const all = graph('all', () => ({
    made: given(),
    failed: fails(),
    blocked: after.as('blocked')({ x: fails.as('fails_too')() }),
    absent: nothing().out,
    skipped: after.as('skipped')({ x: nothing.as('nothing_too')().out }),
    plain: plain(),
  }));
  const defs = define({ assets: [assetsFromGraph(all)] });
  const config = { ops: { given: { size: 2 }, fails: { size: 3 }, gives_nothing: { size: 4 }, after: { size: 5 } } };

  test('is the hash of the config, in the event of every step and every asset, however it ended; never the config', async () => {
    const store = memoryStore();
    const result = await materialize(defs, { store, throwOnFailure: false, config });
    const log = await logOf(store);
    const hashOf = new Map(result.plan.steps.map(({ step, config: made }) => [step.path, made?.hash ?? null]));
    const recorded = log.filter((event): event is Extract<LoggedEvent, { readonly config: unknown }> => 'config' in event);
    expect(new Set(recorded.map(({ type }) => type))).toEqual(
      new Set(['step-settled', 'asset-materialized', 'asset-failed', 'asset-blocked', 'asset-absent']),
    );
    for (const event of recorded) expect(event).toMatchObject({ config: hashOf.get(event.step) });
    expect(ofType(log, 'step-settled')).toHaveLength(8);
    expect(hashOf.get('plain')).toBeNull();
    expect(new Set(hashOf.values()).size).toBe(5);
    expect(JSON.stringify(log)).not.toContain('"size"');
    expect(ofType(log, 'run-started')[0]?.planHash).toBe(result.plan.hash);
  });

  test('is in the event of an asset that a cancelled run never came to', async () => {
    const store = memoryStore();
    const controller = new AbortController();
    const stops = op({ name: 'stops', run: () => controller.abort() });
    const one = graph('one', () => ({ a: stops(), b: after({ x: given() }) }));
    const cancelled = define({ assets: [assetsFromGraph(one)] });
    const options = { store, config: { ops: { after: { size: 5 } } }, signal: controller.signal, concurrency: 1 };
    await expect(materialize(cancelled, options)).rejects.toMatchObject({ name: 'AbortError' });
    const event = (await logOf(store)).find((each) => each.type === 'asset-cancelled' && each.key === 'b');
    const hash = plan(cancelled, { config: options.config }).steps.find(({ step }) => step.path === 'after')?.config?.hash;
    expect(event).toMatchObject({ config: hash });
    expect(hash).toMatch(/^sha256:/);
  });

  test('differs where the config does, and is equal where it is equal', async () => {
    const store = memoryStore();
    const only = define({ assets: [assetsFromGraph(graph('g', () => given()))] });
    for (const asked of [1, 2, 1]) await materialize(only, { store, config: { ops: { given: { size: asked } } } });
    await materialize(only, { store });
    const log = await logOf(store);
    const hashes = ofType(log, 'asset-materialized').map((event) => event.config);
    expect(hashes).toEqual([hashes[0], expect.not.stringMatching(String(hashes[0])), hashes[0], hashes[0]]);
    const plans = ofType(log, 'run-started').map(({ planHash }) => planHash);
    expect(plans).toEqual([plans[0], expect.not.stringMatching(String(plans[0])), plans[0], plans[0]]);
  });
});
