import { describe, expect, test } from 'vitest';
import {
  AbortError,
  asset,
  define,
  emit,
  materialize,
  op,
  optional,
  output,
  plan,
  run,
  testOp,
  type LogLine,
  type OpContext,
  type RunEvent,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { newStore } from '../../store/folder.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType, watchRun } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

const says = (events: readonly RunEvent[]): readonly (readonly [string, number, unknown])[] =>
  ofType(events, 'log-line').map(({ message, attempt, data }) => [message, attempt, data]);

/** What happened to one step, in the order of the log. */
const order = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'log-line' ? [event.message] : event.type === 'unknown' ? [] : [event.type]));

describe('the lines of a body', () => {
  test('are events of the log, told to whoever listens, with run, step, level and data', async () => {
    const store = memoryStore();
    const told: RunEvent[] = [];
    const defs = define({
      assets: [
        asset({
          key: 'a',
          run: (_, { log }) => {
            log.debug('d');
            log.info('i', { n: 1 });
            log.warn('w', [1]);
            log.error('e', null);
            return 1;
          },
        }),
      ],
    });
    const { runId } = await materialize(defs, { store, clock: manualClock(), onEvent: (event) => told.push(event) });
    const lines = ofType(await logOf(store), 'log-line');
    const common = { type: 'log-line', runId, time: 1_000_000, definition: 'a', step: 'a', attempt: 1 };
    expect(lines.map(({ position: _, ...line }) => line)).toEqual([
      { ...common, level: 'debug', message: 'd', data: undefined },
      { ...common, level: 'info', message: 'i', data: { n: 1 } },
      { ...common, level: 'warn', message: 'w', data: [1] },
      { ...common, level: 'error', message: 'e', data: null },
    ]);
    expect(ofType(told, 'log-line')).toEqual(lines);
    for (const line of lines) expect(Object.isFrozen(line)).toBe(true);
  });

  test('come before the end of their step, in the order in which they were written, whatever the form of the body', async () => {
    const outputs = { a: output<number>(), b: optional<number>() };
    const forms: Readonly<Record<string, object>> = {
      plain: { outputs, run: (_: unknown, { log }: OpContext) => (log.info('1'), log.info('2'), log.info('3'), { a: 1 }) },
      async: {
        outputs,
        run: async (_: unknown, { log }: OpContext) => {
          log.info('1');
          await ready(2);
          log.info('2');
          await ready(2);
          log.info('3');
          return { a: 1 };
        },
      },
      generator: {
        outputs,
        *run(_: unknown, { log }: OpContext) {
          log.info('1');
          yield emit('a', 1);
          log.info('2');
          log.info('3');
        },
      },
    };
    for (const form of Object.values(forms)) {
      const store = memoryStore();
      const made = op(untyped<Parameters<typeof op>[0]>({ name: 'made', ...form }));
      await materialize(
        whole(() => untyped<() => Readonly<Record<string, never>>>(made)()),
        { store },
      );
      expect(order(await logOf(store)).filter((each) => each !== 'asset-absent')).toEqual([
        'run-started',
        '1',
        '2',
        '3',
        'step-settled',
        'asset-materialized',
        'run-ended',
      ]);
    }
  });

  test('of a failed step, and of every attempt, are kept with their attempt', async () => {
    const store = memoryStore();
    const clock = manualClock();
    const flaky = op({
      name: 'flaky',
      retry: { max: 2 },
      run: (_, { log, attempt }) => {
        log.info('try', { attempt });
        throw new Error('no');
      },
    });
    const running = materialize(
      whole(() => ({ out: flaky() })),
      { store, clock, throwOnFailure: false },
    );
    for (let turn = 0; turn < 4; turn += 1) {
      await ready();
      clock.advance(60_000);
    }
    await running;
    const log = await logOf(store);
    expect(says(log)).toEqual([
      ['try', 1, { attempt: 1 }],
      ['try', 2, { attempt: 2 }],
      ['try', 3, { attempt: 3 }],
    ]);
    expect(order(log).slice(-4)).toEqual(['try', 'step-settled', 'asset-failed', 'run-ended']);
  });

  test('have bounds of their own in each attempt', async () => {
    const store = memoryStore();
    const loud = op({
      name: 'loud',
      retry: { max: 1 },
      run: (_, { log, attempt }) => {
        for (let line = 0; line < 1500; line += 1) log.debug('x');
        if (attempt === 1) throw new Error('again');
        return 1;
      },
    });
    await materialize(
      whole(() => ({ out: loud() })),
      { store },
    );
    const lines = ofType(await logOf(store), 'log-line');
    for (const attempt of [1, 2]) {
      const own = lines.filter((line) => line.attempt === attempt);
      expect(own).toHaveLength(1001);
      expect(own.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('More than 1000 lines') });
    }
  });

  test('after the end of the attempt are dropped, whether it succeeded, failed or timed out', async () => {
    const store = memoryStore();
    const clock = manualClock();
    const late: (() => void)[] = [];
    const gate = deferred<number>();
    const keeps = (name: string, end: () => number | Promise<number>, timeoutMs?: number) =>
      op({
        name,
        ...(timeoutMs !== undefined && { timeoutMs }),
        run: (_, { log }) => {
          log.info(`${name} in time`);
          late.push(() => log.info(`${name} too late`));
          return end();
        },
      });
    const throws = (): never => {
      throw new Error('no');
    };
    const defs = whole(() => ({
      done: keeps('done', () => 1)(),
      failed: keeps('failed', throws)(),
      slow: keeps('slow', () => gate.promise, 100)(),
      last: keeps('last', () => gate.promise)(),
    }));
    const running = materialize(defs, { store, clock, throwOnFailure: false });
    await ready();
    clock.advance(100);
    await ready();
    for (const line of late.slice(0, 3)) line();
    gate.resolve(1);
    await running;
    for (const line of late) line();
    await ready();
    expect(says(await logOf(store)).map(([message]) => message)).toEqual([
      'done in time',
      'failed in time',
      'slow in time',
      'last in time',
    ]);
  });

  test('of a body that was cancelled and cleans up are kept until it has ended', async () => {
    const store = memoryStore();
    const controller = new AbortController();
    const polite = op({
      name: 'polite',
      run: async (_, { signal, log }) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        log.warn('cleaning up');
        return 1;
      },
    });
    const running = materialize(
      whole(() => ({ out: polite() })),
      { store, signal: controller.signal },
    ).catch((error: unknown) => error);
    await ready();
    controller.abort();
    expect(await running).toBeInstanceOf(AbortError);
    expect(order(await logOf(store))).toEqual(['run-started', 'cleaning up', 'step-settled', 'asset-cancelled', 'run-ended']);
  });

  test('are told in the same order by the run’s Observable, and by testOp', async () => {
    const two = op({ name: 'two', run: (_, { log }) => (log.info('a'), log.info('b', { n: 1 }), 1) });
    const { events } = await watchRun(run(plan(whole(() => ({ out: two() })))));
    expect(order(events)).toEqual(['run-started', 'step-started', 'a', 'b', 'step-settled', 'asset-materialized', 'run-ended']);
    const told: LogLine[] = [];
    await testOp(two, { onEvent: (event) => event.type === 'log-line' && told.push(event) });
    expect(says(told.map((line, position) => ({ ...line, position })))).toEqual([
      ['a', 1, undefined],
      ['b', 1, { n: 1 }],
    ]);
  });

  test('survive on disk as they were, whatever is in them', async () => {
    const disk = await newStore();
    const data = [
      undefined,
      null,
      'text',
      -0,
      NaN,
      10n ** 30n,
      new Date(5),
      new Map([['a', new Set([1])]]),
      new Uint8Array([1, 2]),
      { deep: [{ '': 1 }] },
    ];
    const messages = ['plain', '', 'two\nlines', '\u0000', '\uD800 alone', '\uFEFFmark', 'x'.repeat(9999) + '😀'];
    const writes = op({
      name: 'writes',
      run: (_, { log }) => {
        for (const each of data) log.info('data', each);
        for (const message of messages) log.warn(message);
        return 1;
      },
    });
    const memory = memoryStore();
    const defs = whole(() => ({ out: writes() }));
    for (const store of [memory, disk.store]) await materialize(defs, { store });
    const again = (await disk.reopen?.()) ?? disk.store;
    const [inMemory, onDisk] = [says(await logOf(memory)), says(await logOf(again))];
    expect(onDisk).toEqual(inMemory);
    expect(onDisk.slice(0, data.length).map(([, , each]) => each)).toEqual(data);
    expect(onDisk.slice(data.length, -1).map(([message]) => message)).toEqual(messages.slice(0, -1));
    await disk.dispose();
  });

  test('that cannot be kept as they are fail nothing, and leave the body what it works with', async () => {
    const store = memoryStore();
    const state = { n: 1, list: [1] };
    const writes = op({
      name: 'writes',
      run: (_, { log }) => {
        log.info('f', { f: () => 1 });
        log.info(untyped(Symbol('s')));
        log.info('state', state);
        state.n += 1;
        state.list.push(2);
        return state.n;
      },
    });
    await materialize(
      whole(() => ({ out: writes() })),
      { store },
    );
    expect(await store.value('out')).toBe(2);
    expect(says(await logOf(store))).toEqual([
      ['f (data left out: a function at $.f)', 1, undefined],
      ['Symbol(s)', 1, undefined],
      ['state', 1, { n: 1, list: [1] }],
    ]);
  });
});
