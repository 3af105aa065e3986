import { getEventListeners } from 'node:events';
import { Observable, of, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  DontRetry,
  emit,
  input,
  list,
  materialize,
  op,
  optional,
  output,
  resource,
  RetryRequest,
  testOp,
  type Handle,
  type Provision,
  type RetryPolicy,
  type RunEvent,
  type StepError,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { toOperator } from '../../../operators/index.ts';
import { deferred } from '../rig/deferred.ts';
import { drive, drivenClock, quiet } from '../rig/driven-clock.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

/** A body of an op without inputs and outputs. */
type Body = (context: { readonly attempt: number; readonly signal: AbortSignal }) => unknown;

/** An op that calls a body. */
const calls = (body: Body, options: { readonly retry?: RetryPolicy; readonly timeoutMs?: number } = {}) =>
  op({ name: 'subject', ...options, run: (_, context) => body(context) });

/** An op as the one asset that there is. */
const alone = (subject: unknown) =>
  whole(() => {
    const made = untyped<() => Handle<unknown> | { readonly result: Handle<unknown> }>(subject)();
    return { out: 'result' in made ? made.result : made };
  });

/** Materializes one op, with all that there is to see of it. */
async function play(subject: ReturnType<typeof calls>, options: { readonly resources?: readonly Provision[] } = {}) {
  const clock = drivenClock();
  const store = memoryStore();
  const events: RunEvent[] = [];
  const defs = alone(subject);
  const result = await drive(
    clock,
    materialize(defs, { ...options, store, clock, throwOnFailure: false, onEvent: (event) => events.push(event) }),
  );
  const log = await logOf(store);
  const settled = ofType(log, 'step-settled')[0];
  expect(clock.waiting()).toBe(0);
  const error: StepError | undefined = result.errors[0];
  return { clock, events, result, settled, log, error, starts: ofType(events, 'step-started'), retries: ofType(events, 'step-retrying') };
}

describe('a step that fails is tried again', () => {
  test('until it succeeds: each attempt is told of, and only the last one is recorded', async () => {
    const seen: number[] = [];
    const subject = calls(
      ({ attempt }) => {
        seen.push(attempt);
        if (attempt < 3) throw new Error(`not at ${attempt}`);
        return 'there';
      },
      { retry: { max: 5, delayMs: 100, backoff: 'exponential' } },
    );
    const { clock, result, starts, retries, settled, log } = await play(subject);
    expect(result.value('out')).toBe('there');
    expect(result).toMatchObject({ status: 'succeeded', success: true, errors: [] });
    expect(seen).toEqual([1, 2, 3]);
    expect(clock.asked).toEqual([100, 200]);
    expect(starts.map(({ attempt, time }) => [attempt, time])).toEqual([
      [1, 1_000_000],
      [2, 1_000_100],
      [3, 1_000_300],
    ]);
    expect(retries).toMatchObject([
      { attempt: 1, delayMs: 100, op: 'subject', step: 'subject', error: { code: 'OP_THREW', cause: { message: 'not at 1' } } },
      { attempt: 2, delayMs: 200, op: 'subject', step: 'subject', error: { code: 'OP_THREW', cause: { message: 'not at 2' } } },
    ]);
    expect(settled).toMatchObject({ outcome: 'succeeded', attempts: 3, error: null });
    expect(log.map(({ type }) => type)).toEqual(['run-started', 'step-settled', 'asset-materialized', 'run-ended']);
  });

  test('until it has failed for good: the error tells of every attempt', async () => {
    const thrown: Error[] = [];
    const subject = calls(
      ({ attempt }) => {
        thrown.push(new Error(`no ${attempt}`));
        throw thrown.at(-1);
      },
      { retry: { max: 2, delayMs: 10, jitter: 1 } },
    );
    const { clock, result, error, starts, retries, settled } = await play(subject);
    expect(result.outcome('out')).toBe('failed');
    expect(error?.message).toBe('Step "subject" failed at attempt 3: no 3');
    expect(error?.cause).toBe(thrown[2]);
    expect(error?.details).toMatchObject({
      step: 'subject',
      op: 'subject',
      assets: ['out'],
      inputs: {},
      attempt: 3,
      earlier: ['OP_THREW: Step "subject" failed: no 1', 'OP_THREW: Step "subject" failed at attempt 2: no 2'],
    });
    expect(clock.asked).toEqual([5, 5]);
    expect(starts.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(settled).toMatchObject({ outcome: 'failed', attempts: 3, error: { code: 'OP_THREW', message: error?.message } });
  });

  test('without any retry, the error tells of the one attempt, and of none before', async () => {
    const { error, settled } = await play(calls(() => Promise.reject(new Error('no'))));
    expect(error?.message).toBe('Step "subject" failed: no');
    expect(error?.details['attempt']).toBe(1);
    expect(error?.details).not.toHaveProperty('earlier');
    expect(settled?.attempts).toBe(1);
  });

  test('a wait of none is a turn on the clock like any other', async () => {
    const { clock, result } = await play(
      calls(({ attempt }) => (attempt > 1 ? 'there' : Promise.reject(new Error('x'))), { retry: { max: 1 } }),
    );
    expect(clock.asked).toEqual([0]);
    expect(result.success).toBe(true);
  });

  test('as the body asks, without a policy', async () => {
    const { clock, result } = await play(
      calls(({ attempt }) => {
        if (attempt <= 3) throw new RetryRequest('429', { delayMs: attempt * 1000, max: 3 });
        return 'there';
      }),
    );
    expect(clock.asked).toEqual([1000, 2000, 3000]);
    expect(result.success).toBe(true);
  });

  test('a request that went through a resource or a schema is a request too', async () => {
    let opens = 0;
    const db = resource<string>('db');
    const reads = op({ name: 'subject', resources: { db }, run: (_, { resources }) => resources.db });
    const open = (): string => {
      if ((opens += 1) === 1) throw new RetryRequest('warming up', { delayMs: 40 });
      return 'open';
    };
    const { clock, result } = await play(untyped(reads), { resources: [db.factory({ open })] });
    expect(clock.asked[0]).toBe(40);
    expect(result.value('out')).toBe('open');
  });

  test('a refusal of the body ends it', async () => {
    const gone = new DontRetry('gone');
    const { clock, error, settled } = await play(
      calls(({ attempt }) => Promise.reject(attempt === 1 ? new Error('x') : gone), { retry: { max: 9, delayMs: 1 } }),
    );
    expect(clock.asked).toEqual([1]);
    expect(error?.cause).toBe(gone);
    expect(settled?.attempts).toBe(2);
  });

  test('a "when" that throws fails the step with that, and tells what it was asked about', async () => {
    const when = (): boolean => {
      throw new Error('broken');
    };
    const { error, settled } = await play(calls(() => Promise.reject(new Error('no')), { retry: { max: 3, when } }));
    expect(error).toMatchObject({ code: 'OP_THREW', cause: { message: 'no' } });
    expect(error?.message).toMatch(/"retry\.when" of step "subject" threw: broken\. It was asked about: Step "subject" failed: no$/);
    expect(error?.details).toMatchObject({ step: 'subject', attempt: 1 });
    expect(settled?.attempts).toBe(1);
  });

  test('... also at a later attempt', async () => {
    const when = (_: unknown, attempt: number): boolean => {
      if (attempt === 2) throw new Error('broken');
      return true;
    };
    const { error, settled } = await play(calls(() => Promise.reject(new Error('no')), { retry: { max: 3, when } }));
    expect(error?.message).toContain('"retry.when" of step "subject" threw: broken');
    expect(error?.details).toMatchObject({ attempt: 2, earlier: ['OP_THREW: Step "subject" failed: no'] });
    expect(settled?.attempts).toBe(2);
  });

  test('many times, and listens to the signal of the run no more each time', async () => {
    const listening: number[] = [];
    const subject = calls(
      ({ signal, attempt }) => {
        listening.push(getEventListeners(signal, 'abort').length);
        if (attempt < 20) throw new Error('x');
        return 'there';
      },
      { retry: { max: 20, delayMs: 5 } },
    );
    await play(subject);
    expect(listening).toHaveLength(20);
    expect(new Set(listening).size).toBe(1);
  });

  test('very many times, with no deep stack and no slower and slower', async () => {
    const { result, settled } = await play(calls(({ attempt }) => (attempt > 2000 ? attempt : Promise.reject(new Error('x'))), { retry: { max: 2000, backoff: 'exponential' } })); // prettier-ignore
    expect(result.value('out')).toBe(2001);
    expect(settled?.attempts).toBe(2001);
  });
});

describe('what is tried again, and what is not', () => {
  const policy = { retry: { max: 1, delayMs: 10 } };
  const anything = z.number();

  test.each<[string, string, unknown, number]>([
    ['a body that threw', 'OP_THREW', op({ name: 'subject', ...policy, run: () => Promise.reject(new Error('x')) }), 2],
    [
      'a result that its schema refuses',
      'OUTPUT_INVALID',
      op({ name: 'subject', ...policy, result: anything, run: untyped(() => 'x') }),
      2,
    ],
    [
      'an output left out',
      'OUTPUT_MISSING',
      op({ name: 'subject', ...policy, outputs: { result: output() }, run: untyped(() => ({})) }),
      1,
    ],
    ['an output that is not declared', 'OUTPUT_UNDECLARED', op({ name: 'subject', ...policy, outputs: { result: output() }, run: untyped(() => ({ resul: 1 })) }), 1], // prettier-ignore
    ['a body that gives what none may give', 'OP_BODY', op({ name: 'subject', ...policy, run: untyped(() => emit('result', 1)) }), 1],
    ['a value that no store can keep', 'VALUE_NOT_STORABLE', op({ name: 'subject', ...policy, run: () => () => 1 }), 1],
  ])('%s: %s', async (_, code, subject, attempts) => {
    const { clock, error, settled } = await play(untyped(subject));
    expect(error?.code).toBe(code);
    expect(clock.asked).toEqual(attempts === 2 ? [10] : []);
    expect(settled).toMatchObject({ outcome: 'failed', attempts });
    expect(error?.details['attempt']).toBe(attempts);
  });

  test('an input that its schema refuses is no attempt at all', async () => {
    const reads = op({ name: 'reads', ...policy, inputs: { x: input(z.number()) }, run: () => 1 });
    const clock = drivenClock();
    const store = memoryStore();
    const defs = whole(() => ({ out: reads({ x: untyped(op({ name: 'text', run: () => 'a' })()) }) }));
    const result = await drive(clock, materialize(defs, { store, clock, throwOnFailure: false }));
    expect(result.errors).toMatchObject([{ code: 'INPUT_INVALID' }]);
    expect(result.errors[0]?.details).not.toHaveProperty('attempt');
    expect(ofType(await logOf(store), 'step-settled').find(({ step }) => step === 'reads')?.attempts).toBe(0);
    expect(clock.asked).toEqual([]);
  });

  test('an attempt that took too long: each one has its own time, its own signal and its own outputs', async () => {
    const signals: AbortSignal[] = [];
    const gates = [deferred<string>(), deferred<string>()];
    const subject = calls(
      ({ signal, attempt }) => {
        signals.push(signal);
        return gates[attempt - 1]?.promise ?? 'there';
      },
      { timeoutMs: 100, retry: { max: 2, delayMs: 7 } },
    );
    const running = play(subject);
    const { clock, result, retries } = await running;
    expect(clock.asked).toEqual([100, 7, 100, 7, 100]);
    expect(retries.map(({ error }) => error.code)).toEqual(['STEP_TIMEOUT', 'STEP_TIMEOUT']);
    expect(result.value('out')).toBe('there');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(new Set(signals).size).toBe(3);
  });

  test('what an earlier attempt gives late is dropped', async () => {
    const gate = deferred<string>();
    const end = deferred<string>();
    const clock = drivenClock();
    const subject = calls(({ attempt }) => (attempt === 1 ? gate.promise : end.promise), { timeoutMs: 100, retry: { max: 1, delayMs: 0 } });
    const running = materialize(alone(subject), { clock });
    await quiet();
    clock.toNext();
    await quiet();
    clock.toNext();
    await quiet();
    gate.resolve('late');
    await quiet();
    end.resolve('second');
    expect((await running).value('out')).toBe('second');
  });

  test('outputs of a failed attempt go nowhere: the next one may emit them again', async () => {
    const streams = op({
      name: 'streams',
      retry: { max: 1 },
      outputs: { a: output<number>(), b: optional<number>() },
      async *run(_, { attempt }) {
        yield emit('a', attempt);
        if (attempt > 1) return;
        yield emit('b', attempt);
        throw new Error('half way');
      },
    });
    const clock = drivenClock();
    const result = await drive(clock, materialize(whole(() => ({ ...streams() })), { clock })); // prettier-ignore
    expect([result.value('a'), result.outcome('b')]).toEqual([2, 'absent']);
  });

  test('a resource that could not be opened: the next attempt opens it, and nothing starts before', async () => {
    let opens = 0;
    let closes = 0;
    const db = resource<string>('db');
    const open = async (): Promise<string> => {
      if ((opens += 1) < 3) throw new Error('refused');
      return 'open';
    };
    const reads = op({ name: 'subject', retry: { max: 4, delayMs: 9 }, resources: { db }, run: (_, { resources }) => resources.db });
    const { result, starts, retries, settled, clock } = await play(untyped(reads), {
      resources: [db.factory({ open, dispose: () => void (closes += 1) })],
    });
    expect(result.value('out')).toBe('open');
    expect(starts.map(({ attempt }) => attempt)).toEqual([3]);
    expect(retries.map(({ attempt, error }) => [attempt, error.code])).toEqual([
      [1, 'RESOURCE_FAILED'],
      [2, 'RESOURCE_FAILED'],
    ]);
    expect(settled?.attempts).toBe(3);
    expect(clock.asked.slice(0, 2)).toEqual([9, 9]);
    expect([opens, closes]).toEqual([3, 1]);
  });
});

describe('every attempt gets the very same inputs', () => {
  const mutable = () => ({ map: new Map([['a', 1]]), bytes: new Uint8Array([1, 2]), at: new Date(5), text: Buffer.from('text') });
  const spoil = ({ map, bytes, at, text }: ReturnType<typeof mutable>): void => {
    map.clear();
    bytes.fill(9);
    at.setTime(0);
    text.fill(0);
  };
  const makes = op({ name: 'makes', outputs: { map: output<Map<string, number>>(), bytes: output<Uint8Array<ArrayBuffer>>(), at: output<Date>(), text: output<Buffer<ArrayBuffer>>() }, run: mutable }); // prettier-ignore

  test('value inputs and list inputs', async () => {
    const seen: unknown[] = [];
    const spoils = op({
      name: 'spoils',
      retry: { max: 2 },
      inputs: {
        map: input<Map<string, number>>(),
        bytes: input<Uint8Array<ArrayBuffer>>(),
        at: input<Date>(),
        text: input<Buffer<ArrayBuffer>>(),
        all: list<Date>(),
        none: list<Date>(),
        gone: input<Date>({ optional: true }),
      },
      run: (inputs, { attempt }) => {
        seen.push({
          ...inputs,
          ...structuredClone({ map: inputs.map, bytes: inputs.bytes, at: inputs.at, all: inputs.all }),
          text: inputs.text.toString(),
        });
        spoil(inputs);
        for (const at of inputs.all) at.setTime(0);
        if (attempt < 3) throw new Error('again');
        return 1;
      },
    });
    const clock = drivenClock();
    const defs = whole(() => {
      const { map, bytes, at, text } = makes();
      const day = (ms: number) => op({ name: `day_${ms}`, run: () => new Date(ms) })();
      return { out: spoils({ map, bytes, at, text, all: [day(1), day(2), at], none: [] }) };
    });
    await drive(clock, materialize(defs, { clock }));
    const first = { ...mutable(), text: 'text', all: [new Date(1), new Date(2), new Date(5)], none: [], gone: undefined };
    expect(seen).toEqual([first, first, first]);
  });

  test('inputs that are loaded from the store', async () => {
    const store = memoryStore();
    const clock = drivenClock();
    const seen: unknown[] = [];
    const spoils = op({
      name: 'spoils',
      retry: { max: 1 },
      inputs: { map: input<Map<string, number>>() },
      run: ({ map }, { attempt }) => {
        seen.push([...map]);
        map.clear();
        if (attempt === 1) throw new Error('again');
        return 1;
      },
    });
    const up = op({ name: 'up', run: () => new Map([['a', 1]]) });
    const defs = whole(() => {
      const made = up();
      return { up: made, down: spoils({ map: made }) };
    });
    await materialize(defs, { store, clock, select: ['up'] });
    await drive(clock, materialize(defs, { store, clock, select: ['down'], inGraphUpstream: 'load' }));
    expect(seen).toEqual([[['a', 1]], [['a', 1]]]);
  });

  test('but not without a policy: nothing is copied for an attempt that nobody expects', async () => {
    const given = new Map([['a', 1]]);
    const seen: unknown[] = [];
    const asks = op({
      name: 'asks',
      inputs: { map: input<Map<string, number>>() },
      run: ({ map }, { attempt }) => {
        seen.push(map);
        if (attempt === 1) throw new RetryRequest('again');
        return 1;
      },
    });
    const clock = drivenClock();
    await drive(clock, testOp(asks, { inputs: { map: given }, clock }));
    expect(seen.map((each) => each === given)).toEqual([true, true]);
  });

  test('what a schema made of them, which is asked once', async () => {
    const seen: unknown[] = [];
    let asked = 0;
    const reads = op({
      name: 'reads',
      retry: { max: 2 },
      inputs: { x: input(z.string().transform((text) => ((asked += 1), new Map([[text, asked]])))) },
      run: ({ x }, { attempt }) => {
        seen.push([...x]);
        x.clear();
        if (attempt < 3) throw new Error('again');
        return 1;
      },
    });
    const clock = drivenClock();
    await drive(clock, testOp(reads, { inputs: { x: 'a' }, clock }));
    expect(seen).toEqual([[['a', 1]], [['a', 1]], [['a', 1]]]);
  });
});

describe('bodies of every form', () => {
  const outputs = { out: output<number>() };
  const policy = { name: 'subject', retry: { max: 2, delayMs: 3 } };
  const fail = (attempt: number): number => {
    if (attempt < 3) throw new Error(`no ${attempt}`);
    return attempt;
  };
  const forms: readonly (readonly [form: string, subject: unknown])[] = [
    ['a plain function', op({ ...policy, outputs, run: (_, { attempt }) => ({ out: fail(attempt) }) })],
    ['an async function', op({ ...policy, outputs, run: async (_, { attempt }) => ({ out: fail(attempt) }) })],
    ['a generator', op({ ...policy, outputs, *run(_, { attempt }) { yield emit('out', fail(attempt)); } })], // prettier-ignore
    ['a generator that fails after emitting', op({ ...policy, outputs, *run(_, { attempt }) { yield emit('out', attempt); fail(attempt); } })], // prettier-ignore
    ['an async generator', op({ ...policy, outputs, async *run(_, { attempt }) { yield emit('out', fail(attempt)); } })], // prettier-ignore
    ['an Observable', op({ ...policy, outputs, run: (_, { attempt }) => (attempt < 3 ? throwError(() => new Error(`no ${attempt}`)) : of(emit('out', attempt))) })], // prettier-ignore
    ['an Observable that errors later', op({ ...policy, outputs, run: (_, { attempt }) => new Observable((to) => {
      to.next(emit('out', attempt));
      queueMicrotask(() => (attempt < 3 ? to.error(new Error(`no ${attempt}`)) : to.complete()));
    }) })], // prettier-ignore
    ['an operator', op({ ...policy, outputs, operator: (_frames$, { attempt }) => (attempt < 3 ? throwError(() => new Error(`no ${attempt}`)) : of(emit('out', attempt))) })], // prettier-ignore
    ['an operator that throws', op({ ...policy, outputs, operator: (_frames$, { attempt }) => of(emit('out', fail(attempt))) })], // prettier-ignore
  ];

  test.each(forms)('%s', async (_, subject) => {
    const clock = drivenClock();
    const events: RunEvent[] = [];
    const defs = whole(() => untyped<() => Record<string, never>>(subject)());
    const result = await drive(clock, materialize(defs, { clock, onEvent: (event) => events.push(event) }));
    expect(result.value(untyped('out'))).toBe(3);
    expect(clock.asked).toEqual([3, 3]);
    expect(ofType(events, 'step-started').map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(ofType(events, 'step-retrying').map(({ error }) => error.cause?.message)).toEqual(['no 1', 'no 2']);
  });
});

describe('in a pipe', () => {
  const fails = (retry?: RetryPolicy) =>
    op({ name: 'fails', inputs: { x: input<number>() }, ...(retry !== undefined && { retry }), run: ({ x }, { attempt }) => (attempt > 1 ? x : Number(undefined_(x)))}); // prettier-ignore
  const undefined_ = (x: number): never => {
    throw new Error(`no ${x}`);
  };

  test('a synchronous failure without a retry stays synchronous', () => {
    const got: unknown[] = [];
    of({ x: 1 })
      .pipe(toOperator(fails()))
      .subscribe({ next: (value) => got.push(value), error: (error: unknown) => got.push(error) });
    expect(got).toMatchObject([{ code: 'OP_THREW' }]);
  });

  test('... and so does one that no attempt is left for, or that its policy has no attempts for', () => {
    for (const retry of [{ max: 0 }, { max: 3, when: () => false }]) {
      const got: unknown[] = [];
      of({ x: 1 })
        .pipe(toOperator(fails(retry)))
        .subscribe({ next: (value) => got.push(value), error: (error: unknown) => got.push(error) });
      expect(got).toMatchObject([{ code: 'OP_THREW' }]);
    }
  });

  test('a success with a policy stays synchronous too', () => {
    const got: unknown[] = [];
    const plain = op({ name: 'plain', inputs: { x: input<number>() }, retry: { max: 3 }, timeoutMs: 10, run: ({ x }) => x + 1 });
    of({ x: 1 }).pipe(toOperator(plain, { clock: drivenClock() })).subscribe((value) => got.push(value)); // prettier-ignore
    expect(got).toEqual([{ result: 2 }]);
  });

  test('frames keep their order while one of them is tried again', async () => {
    const clock = drivenClock();
    const got: unknown[] = [];
    const events: string[] = [];
    of({ x: 1 }, { x: 2 })
      .pipe(toOperator(fails({ max: 1, delayMs: 50 }), { clock, onEvent: ({ type }) => events.push(type) }))
      .subscribe((value) => got.push(value));
    expect(got).toEqual([]);
    for (let frame = 0; frame < 2; frame += 1) {
      await quiet();
      clock.advance(50);
      await quiet();
    }
    expect(got).toEqual([{ result: 1 }, { result: 2 }]);
    expect(events).toEqual(Array.from({ length: 2 }, () => ['step-started', 'step-retrying', 'step-started']).flat());
    expect(clock.waiting()).toBe(0);
  });

  test('who unsubscribes while a step waits leaves no timer, and nothing starts', async () => {
    const clock = drivenClock();
    let calls_ = 0;
    const counts = op({ name: 'counts', inputs: { x: input<number>() }, retry: { max: 3, delayMs: 50 }, run: () => { calls_ += 1; throw new Error('x'); } }); // prettier-ignore
    const subscription = of({ x: 1 }).pipe(toOperator(counts, { clock })).subscribe();
    await quiet();
    expect(clock.waiting()).toBe(1);
    subscription.unsubscribe();
    await quiet();
    clock.advance(1000);
    await quiet();
    expect([calls_, clock.waiting()]).toEqual([1, 0]);
  });
});
