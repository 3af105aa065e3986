import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AbortError, emit, input, list, materialize, op, optional, output, type Schema } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';
import { answering, handMade } from './schemas-rig.ts';

const slow: readonly (readonly [string, Schema<number, number>])[] = [
  [
    'zod',
    z
      .number()
      .refine(async (n) => n > 0, 'must be above 0')
      .transform((n) => n * 10),
  ],
  [
    'valibot',
    v.pipeAsync(
      v.number(),
      v.checkAsync(async (n) => n > 0, 'must be above 0'),
      v.transform((n) => n * 10),
    ),
  ],
  ['nobody else', handMade(async (n: number) => (n > 0 ? { value: n * 10 } : { issues: [{ message: 'must be above 0' }] }))],
];

describe.each(slow)('an async schema of %s', (_, schema) => {
  test('is waited for at outputs and at inputs', async () => {
    const made = op({ name: 'made', outputs: { a: output(schema), b: optional(schema) }, run: () => ({ a: 1, b: 2 }) });
    const reads = op({ name: 'reads', inputs: { one: input(schema), all: list(schema) }, run: ({ one, all }) => [one, ...all] });
    const defs = whole(() => {
      const { a, b } = made();
      return { a, out: reads({ one: a, all: [a, b] }) };
    });
    const result = await materialize(defs);
    expect([result.value('a'), result.value('out')]).toEqual([10, [100, 100, 200]]);
  });

  test('fails the step that it refuses, at either end', async () => {
    const bad = op({ name: 'bad', result: schema, run: () => -1 });
    const reads = op({ name: 'reads', inputs: { x: input(schema) }, run: ({ x }) => x });
    const minus = op({ name: 'minus', run: () => -1 });
    const store = memoryStore();
    const result = await materialize(
      whole(() => ({ bad: bad(), read: reads({ x: minus() }), fine: op({ name: 'fine', run: () => 1 })() })),
      { store, throwOnFailure: false },
    );
    expect(result.errors.map(({ code, message }) => [code, message.includes('must be above 0 at $')])).toEqual(
      expect.arrayContaining([
        ['INPUT_INVALID', true],
        ['OUTPUT_INVALID', true],
      ]),
    );
    expect(Object.fromEntries(result.outcomes)).toEqual({ bad: 'failed', read: 'failed', fine: 'materialized' });
    expect(await store.value('bad')).toBeUndefined();
  });
});

describe('while an async schema looks', () => {
  test('at an output, timeoutMs goes on, and what it says later is dropped', async () => {
    const { schema, accept } = answering<number>();
    const clock = manualClock();
    const store = memoryStore();
    const made = op({ name: 'made', result: schema, timeoutMs: 100, run: () => 1 });
    const running = materialize(
      whole(() => ({ out: made() })),
      { store, clock, throwOnFailure: false },
    );
    await ready();
    clock.advance(100);
    expect((await running).errors).toMatchObject([{ code: 'STEP_TIMEOUT', details: { attempt: 1 } }]);
    const log = await logOf(store);
    accept(1);
    await ready();
    expect(await logOf(store)).toEqual(log);
    expect(clock.waiting()).toBe(0);
  });

  test('at an output, an attempt that it refuses is tried again, and asked about anew', async () => {
    const clock = manualClock();
    const asked: number[] = [];
    const schema = handMade(async (n: number) => (asked.push(n) < 3 ? { issues: [{ message: 'not yet' }] } : { value: n }));
    let attempts = 0;
    const made = op({ name: 'made', result: schema, retry: { max: 5 }, run: () => (attempts += 1) });
    const running = materialize(
      whole(() => ({ out: made() })),
      { clock },
    );
    for (let turn = 0; turn < 5; turn += 1) {
      await ready();
      clock.advance(10_000);
    }
    expect((await running).value('out')).toBe(3);
    expect(asked).toEqual([1, 2, 3]);
  });

  test('at an input, the schema is asked once, however often the body is tried', async () => {
    const clock = manualClock();
    let asked = 0;
    const schema = handMade(async (n: number) => ({ value: n + (asked += 1) }));
    const seen: number[] = [];
    const one = op({ name: 'one', run: () => 10 });
    const reads = op({
      name: 'reads',
      inputs: { x: input(schema) },
      retry: { max: 2 },
      run: ({ x }) => {
        if (seen.push(x) < 3) throw new Error('again');
        return x;
      },
    });
    const running = materialize(
      whole(() => ({ out: reads({ x: one() }) })),
      { clock },
    );
    for (let turn = 0; turn < 5; turn += 1) {
      await ready();
      clock.advance(10_000);
    }
    await running;
    expect([asked, seen]).toEqual([1, [11, 11, 11]]);
  });

  test.each(['output', 'input'] as const)('at an %s, a cancelled run ends when it is done, or after graceMs', async (side) => {
    for (const answers of [true, false]) {
      const { schema, asked, accept } = answering<number>();
      let called = 0;
      const one = op({ name: 'one', run: () => 1 });
      const at = {
        output: () => op({ name: 'step', result: schema, run: () => 1 })(),
        input: () => op({ name: 'step', inputs: { x: input(schema) }, run: () => (called += 1) })({ x: one() }),
      };
      const clock = manualClock();
      const controller = new AbortController();
      const store = memoryStore();
      const running = materialize(
        whole(() => ({ out: at[side]() })),
        { store, clock, signal: controller.signal, graceMs: 50 },
      ).catch((error: unknown) => error);
      await ready();
      expect(asked).toEqual([1]);
      controller.abort();
      if (answers) accept(1);
      else clock.advance(50);
      expect(await running).toBeInstanceOf(AbortError);
      accept(1);
      await ready();
      const log = await logOf(store);
      expect(ofType(log, 'asset-materialized')).toEqual([]);
      expect(ofType(log, 'asset-cancelled')).toHaveLength(1);
      expect(ofType(log, 'run-ended')).toMatchObject([{ status: 'cancelled' }]);
      expect(log.at(-1)?.type).toBe('run-ended');
      expect([called, clock.waiting()]).toEqual([0, 0]);
    }
  });

  test('the body goes on, and what it changes of what it emitted is neither checked nor recorded (X13)', async () => {
    const { schema, asked, answer } = answering<Map<string, number>>();
    const made = op({
      name: 'made',
      outputs: { out: output(schema) },
      *run() {
        const value = new Map([['a', 1]]);
        yield emit('out', value);
        value.set('a', 2);
      },
    });
    const store = memoryStore();
    const running = materialize(
      whole(() => ({ ...made() })),
      { store },
    );
    await ready();
    answer.resolve({ value: asked.at(-1) });
    await running;
    expect(await store.value('out')).toEqual(new Map([['a', 1]]));
  });
});
