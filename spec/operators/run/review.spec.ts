import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, input, materialize, op, output, plan, resource, testOp, type OpContext } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready, until } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { handMade } from './schemas-rig.ts';
import { untyped } from '../rig/untyped.ts';

/** What reviews with fresh eyes found wrong, each as it was found. */
describe('config that cannot be frozen', () => {
  const ids = z.array(z.number()).transform((given) => new Set(given));
  const seen: number[][] = [];
  const spoils = op({
    name: 'spoils',
    config: ids,
    retry: { max: 1 },
    run: (_, { config, attempt }) => {
      seen.push([...config]);
      config.clear();
      if (attempt === 1) throw new Error('once more');
      return 1;
    },
  });

  test('is the same for every attempt, and for every run of a plan', async () => {
    seen.length = 0;
    const defs = define({ assets: [asset({ key: 'a', config: ids, run: () => 1 })] });
    expect(plan(defs, { config: { ops: { a: [1] } } }).hash).toBe(plan(defs, { config: { ops: { a: [1] } } }).hash);
    await testOp(spoils, { config: [1, 2] });
    expect(seen).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  test('is none of the caller’s objects', async () => {
    const since = new Date(5);
    const moves = op({ name: 'moves', config: z.object({ since: z.date() }), run: (_, { config }) => config.since.setTime(9) });
    await testOp(moves, { config: { since } });
    expect(since.getTime()).toBe(5);
  });
});

describe('a run that would wait for itself', () => {
  const other = define({ assets: [asset({ key: 'other', run: () => 1 })] });

  test('is refused in a factory', async () => {
    const store = memoryStore();
    const db = resource<number>('db');
    const reads = asset({ key: 'a', resources: { db }, run: (_, { resources }) => resources.db });
    const opening = db.factory({ open: async () => (await materialize(other, { store })).value('other') });
    await expect(materialize(define({ assets: [reads], resources: [opening] }), { store })).rejects.toMatchObject({
      code: 'RESOURCE_FAILED',
      cause: { code: 'STORE_BUSY' },
    });
  });

  test.each(['input', 'result'] as const)('is refused in a schema of an %s', async (place) => {
    const store = memoryStore();
    const schema = handMade(async (value) => ((await materialize(other, { store })).success ? { value } : { issues: [] }));
    const made =
      place === 'result'
        ? asset({ key: 'a', result: schema, run: () => 1 })
        : asset({ key: 'a', inputs: { one: input(schema) }, run: () => 1 });
    const one = asset({ key: 'one', run: () => 1 });
    await expect(materialize(define({ assets: [one, made] }), { store })).rejects.toMatchObject({
      code: place === 'result' ? 'OUTPUT_INVALID' : 'INPUT_INVALID',
    });
  });

  test('is refused in an op that a body tests', async () => {
    const store = memoryStore();
    const inner = op({ name: 'inner', run: async () => (await materialize(other, { store })).success });
    const outer = asset({ key: 'outer', run: () => testOp(inner) });
    await expect(materialize(define({ assets: [outer] }), { store })).rejects.toMatchObject({ cause: { cause: { code: 'STORE_BUSY' } } });
  });
});

test('a "when" that gives a promise fails the step with a sentence, and its rejection ends nothing', async () => {
  let attempts = 0;
  const asks = op({
    name: 'asks',
    retry: { max: 2, when: untyped<() => boolean>(() => Promise.reject(new Error('unheard'))) },
    run: () => {
      attempts += 1;
      throw new Error('boom');
    },
  });
  await expect(testOp(asks)).rejects.toMatchObject({ message: expect.stringContaining('returned a promise') as unknown });
  expect(attempts).toBe(1);
  await ready();
});

test('a helper takes the context of any op', async () => {
  const say = ({ log }: OpContext): void => log.info('hello');
  const lines: string[] = [];
  const many = op({
    name: 'many',
    outputs: { y: output<number>() },
    run: (_, context) => {
      say(context);
      return { y: 1 };
    },
  });
  await testOp(many, { onEvent: (event) => event.type === 'log-line' && lines.push(event.message) });
  expect(lines).toEqual(['hello']);
});

test('what earlier attempts failed with is kept in words, the first and the last few', async () => {
  const fails = op({
    name: 'fails',
    retry: { max: 99 },
    run: (_, { attempt }): number => {
      throw Object.assign(new Error(`failure ${attempt}`), { body: 'x' });
    },
  });
  const error: unknown = await testOp(fails).catch((thrown: unknown) => thrown);
  const { earlier, attempt } = untyped<{ details: { earlier: string[]; attempt: number } }>(error).details;
  expect(attempt).toBe(100);
  expect(earlier).toHaveLength(11);
  expect(earlier[5]).toBe('… 89 more');
  expect(earlier.at(-1)).toContain('failure 99');
});

test('a time limit is not reached by setting the time of the machine', async () => {
  const clock = manualClock();
  let jumped = 0;
  const jumping = { ...clock, now: () => clock.now() + jumped, monotonic: clock.now };
  const works = op({ name: 'works', timeoutMs: 1000, run: async () => (await Promise.resolve(), (jumped = 3_600_000), 'done') });
  expect(await testOp(works, { clock: jumping })).toBe('done');
});

describe('an output that a slow schema refuses', () => {
  const no = z.number().refine(async () => Promise.resolve(false));

  test('ends the attempt although the body goes on', async () => {
    const clock = manualClock();
    const hangs = op({ name: 'hangs', outputs: { a: output(no) }, run: untyped<() => Promise<{ a: number }>>(hang) });
    const running = testOp(hangs, { clock });
    await expect(running).rejects.toMatchObject({ code: 'OUTPUT_INVALID' });
  });

  test('stops a generator at its next emission', async () => {
    const done: string[] = [];
    const goesOn = op({
      name: 'goes_on',
      outputs: { a: output(no), b: output<number>() },
      run: async function* () {
        const { emit } = await import('../../../index.ts');
        yield emit('a', 1);
        await ready();
        yield emit('b', 2);
        done.push('after the refusal');
      },
    });
    await expect(testOp(goesOn)).rejects.toMatchObject({ code: 'OUTPUT_INVALID' });
    await until(() => true);
    await ready();
    expect(done).toEqual([]);
  });
});

async function* hang() {
  const { emit } = await import('../../../index.ts');
  yield emit('a', 1);
  await new Promise(() => undefined);
}

test('what a failed attempt emitted is not told', async () => {
  const told: unknown[] = [];
  const retried = op({
    name: 'retried',
    outputs: { a: output<number>() },
    retry: { max: 1 },
    run: (_, { attempt, annotate }) => {
      annotate('a', { metadata: { attempt } });
      if (attempt === 1) throw new Error('boom');
      return { a: attempt };
    },
  });
  await testOp(retried, { onEmission: ({ value }) => told.push(value) });
  expect(told).toEqual([2]);
});
