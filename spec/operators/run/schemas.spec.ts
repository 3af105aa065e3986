import { type } from 'arktype';
import { map, of } from 'rxjs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, emit, input, list, materialize, op, optional, output, testOp, type Schema } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';
import { handMade, making, refusing, watching } from './schemas-rig.ts';

const dates: readonly (readonly [library: string, schema: Schema<string, Date>])[] = [
  ['zod', z.string().transform((text) => new Date(text))],
  [
    'valibot',
    v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
  ],
  ['arktype', type('string').pipe((text) => new Date(text))],
  ['nobody else', making((text: string) => new Date(text))],
];

describe.each(dates)('a schema of %s', (_, date) => {
  const year = (when: Date) => when.getUTCFullYear();

  test('makes what flows of a result, an output and an asset', async () => {
    const defs = define({
      assets: [
        asset({ key: 'made', result: date, run: () => '2026-01-12' }),
        asset({ key: 'read', inputs: { made: input<Date>() }, run: ({ made }) => year(made) }),
      ],
    });
    const store = memoryStore();
    const result = await materialize(defs, { store });
    expect(result.value('made')).toEqual(new Date('2026-01-12'));
    expect(result.value('read')).toBe(2026);
    expect(await store.value('made')).toEqual(new Date('2026-01-12'));
    const plain = memoryStore();
    await materialize(define({ assets: [asset({ key: 'made', run: () => new Date('2026-01-12') })] }), { store: plain });
    const [checked, unchecked] = [await store.latest('made'), await plain.latest('made')];
    expect(checked).toMatchObject({ version: unchecked && 'version' in unchecked ? unchecked.version : '' });
  });

  test('makes what the body gets at an input, a list and an optional input', async () => {
    const text = op({ name: 'text', run: () => '2026-01-12' });
    const none = op({ name: 'none', outputs: { out: optional<string>() }, run: () => ({}) });
    const reads = op({
      name: 'reads',
      inputs: { one: input(date), many: list(date), some: input(date, { optional: true }), no: input(date, { optional: true }) },
      run: ({ one, many, some, no }) => [year(one), many.map(year), some && year(some), no],
    });
    const defs = whole(() => ({ out: reads({ one: text(), many: [text(), text()], some: text(), no: none().out }) }));
    const result = await materialize(defs);
    expect(result.value('out')).toEqual([2026, [2026, 2026], 2026, undefined]);
  });
});

describe('every form of body', () => {
  const shout = making((text: string) => `${text}!`);
  const outputs = { out: output(shout), more: optional(shout) };
  const forms: Readonly<Record<string, object>> = {
    'a record': { outputs, run: () => ({ out: 'a', more: 'b' }) },
    'a promise of a record': { outputs, run: async () => ({ out: 'a', more: 'b' }) },
    'a generator': {
      outputs,
      *run() {
        yield emit('out', 'a');
        yield emit('more', 'b');
      },
    },
    'an async generator': {
      outputs,
      async *run() {
        yield emit('out', 'a');
        yield emit('more', 'b');
      },
    },
    'an Observable': { outputs, run: () => of(emit('out', 'a'), emit('more', 'b')) },
    'an operator': { outputs, operator: () => of(emit('out', 'a'), emit('more', 'b')) },
  };
  test.each(Object.entries(forms))('has its outputs checked: %s', async (_, form) => {
    const made = op(untyped<Parameters<typeof op>[0]>({ name: 'made', ...form }));
    expect(await testOp(untyped(made))).toEqual({ out: 'a!', more: 'b!' });
  });

  test.each(Object.entries(forms))('fails as a whole where one output is refused, and nothing is recorded: %s', async (_, form) => {
    const outputsOf = { out: output<string>(), more: optional(refusing<string>({ message: 'no', path: ['x'] })) };
    const made = op(untyped<Parameters<typeof op>[0]>({ name: 'made', ...form, outputs: outputsOf }));
    const reader = op({ name: 'reader', inputs: { out: input<unknown>() }, run: () => 1 });
    const defs = whole(() => {
      const handles = untyped<() => { out: ReturnType<typeof reader>; more: ReturnType<typeof reader> }>(made)();
      return { ...handles, read: reader({ out: handles.out }), other: op({ name: 'other', run: () => 1 })() };
    });
    const store = memoryStore();
    const result = await materialize(defs, { store, throwOnFailure: false });
    expect(result.errors).toMatchObject([{ code: 'OUTPUT_INVALID', details: { step: 'made', output: 'more', issues: [{ path: '$.x' }] } }]);
    expect(Object.fromEntries(result.outcomes)).toEqual({ out: 'failed', more: 'failed', read: 'blocked', other: 'materialized' });
    const log = await logOf(store);
    expect(ofType(log, 'asset-materialized').map(({ key }) => key)).toEqual(['other']);
    expect(ofType(log, 'step-settled').find(({ step }) => step === 'made')).toMatchObject({
      outcome: 'failed',
      attempts: 1,
      error: { code: 'OUTPUT_INVALID', message: expect.stringContaining('no at $.x') },
    });
  });

  const results: Readonly<Record<string, object>> = {
    'a value': { run: () => 'a' },
    'a promise': { run: async () => 'a' },
    'an operator': { operator: () => of('a') },
  };
  test.each(Object.entries(results))('has its result checked: %s', async (_, form) => {
    const made = (result: Schema) =>
      untyped<Parameters<typeof testOp>[0]>(op(untyped<Parameters<typeof op>[0]>({ name: 'made', result, ...form })));
    expect(await testOp(made(shout))).toBe('a!');
    await expect(testOp(made(refusing({ message: 'no' })))).rejects.toMatchObject({
      code: 'OUTPUT_INVALID',
      details: { output: 'result' },
    });
  });

  test('gets its frames through the schemas of its inputs', async () => {
    const double = making((n: number) => n * 2);
    const frames = op({ name: 'frames', inputs: { n: input(double) }, operator: (given) => given.pipe(map(({ n }) => n + 1)) });
    expect(await testOp(frames, { inputs: { n: 5 } })).toBe(11);
  });
});

describe('a step that gives nothing (X11)', () => {
  const nothing = (result?: Schema) =>
    op(untyped<Parameters<typeof op>[0]>({ name: 'nothing', run: () => undefined, ...(result && { result }) }));
  const defsOf = (result?: Schema) => whole(() => ({ out: untyped<() => ReturnType<ReturnType<typeof op>>>(nothing(result))() as never }));

  test('has its schema asked about undefined', async () => {
    const { schema, asked } = watching();
    const store = memoryStore();
    await materialize(defsOf(schema), { store });
    expect(asked).toEqual([undefined]);
    expect(await store.latest('out')).toMatchObject({ type: 'asset-materialized', address: null, version: expect.stringMatching(/^run:/) });
    for (const none of [z.void(), v.void(), type('undefined')]) expect((await materialize(defsOf(none))).status).toBe('succeeded');
  });

  test('has a value where its schema makes one, and fails where that refuses', async () => {
    const store = memoryStore();
    await materialize(defsOf(z.number().default(7)), { store });
    expect(await store.value('out')).toBe(7);
    const refused = await materialize(defsOf(z.number()), { throwOnFailure: false });
    expect(refused.errors).toMatchObject([{ code: 'OUTPUT_INVALID', details: { issues: [{ path: '$' }] } }]);
  });

  test('is no value for an input whose schema wants one', async () => {
    const reads = (schema: Schema) => op({ name: 'reads', inputs: { x: input(schema) }, run: ({ x }) => x });
    const defs = (schema: Schema) => whole(() => ({ out: reads(schema)({ x: untyped<() => never>(nothing())() }) }));
    const refused = await materialize(defs(z.number()), { throwOnFailure: false });
    expect(refused.errors).toMatchObject([{ code: 'INPUT_INVALID', details: { input: 'x' } }]);
    expect((await materialize(defs(z.number().default(5)))).value('out')).toBe(5);
  });
});

describe('what schemas make of values', () => {
  test('a default fills in, and what a schema does not know is left out, also of what is recorded', async () => {
    const row = z.object({ id: z.number(), tags: z.array(z.string()).default([]) });
    const defs = define({
      assets: [asset({ key: 'rows', result: z.array(row), run: () => [untyped<{ id: number }>({ id: 1, secret: 'x' })] })],
    });
    const store = memoryStore();
    const result = await materialize(defs, { store });
    expect(result.value('rows')).toEqual([{ id: 1, tags: [] }]);
    expect(await store.value('rows')).toEqual([{ id: 1, tags: [] }]);
  });

  test('what no store can keep fails the step of an asset, and passes between ops', async () => {
    const url = z.string().transform((text) => new URL(text));
    const made = op({ name: 'made', result: url, run: () => 'https://example.com/a' });
    const reads = op({ name: 'reads', inputs: { at: input<URL>() }, run: ({ at }) => at.pathname });
    const kept = await materialize(
      whole(() => ({ out: made() })),
      { throwOnFailure: false },
    );
    expect(kept.errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE', details: { output: 'result', path: '$' } }]);
    expect((await materialize(whole(() => ({ out: reads({ at: made() }) })))).value('out')).toBe('/a');
  });

  test('what a schema gives is frozen before anybody reads it', async () => {
    const wrap = making((n: number) => ({ list: [n] }));
    const made = op({ name: 'made', result: wrap, run: () => 1 });
    const spoil = op({ name: 'spoil', inputs: { x: input<{ list: number[] }>() }, run: ({ x }) => x.list.push(2) });
    const own = op({ name: 'own', inputs: { n: input(wrap) }, run: ({ n }) => n.list.push(2) });
    const one = op({ name: 'one', run: () => 1 });
    for (const out of [() => spoil({ x: made() }), () => own({ n: one() })]) {
      const { errors } = await materialize(
        whole(() => ({ out: out() })),
        { throwOnFailure: false },
      );
      expect(errors).toMatchObject([{ code: 'OP_THREW', cause: expect.any(TypeError) }]);
    }
  });

  test('each reader has its own schema, and does not see what another made', async () => {
    const one = op({ name: 'one', run: () => 10 });
    const plus = (n: number) => op({ name: `plus_${n}`, inputs: { x: input(making((x: number) => x + n)) }, run: ({ x }) => x });
    const defs = whole(() => {
      const x = one();
      return { a: plus(1)({ x }), b: plus(2)({ x }), x };
    });
    const result = await materialize(defs);
    expect([result.value('x'), result.value('a'), result.value('b')]).toEqual([10, 11, 12]);
  });

  test('what an input makes is for the body alone: the log has the version of what was wired', async () => {
    const one = op({ name: 'one', run: () => 10 });
    const reads = op({ name: 'reads', inputs: { x: input(making((x: number) => x * 100)) }, run: ({ x }) => x });
    const store = memoryStore();
    await materialize(
      whole(() => ({ out: reads({ x: one() }) })),
      { store },
    );
    const [made, read] = ofType(await logOf(store), 'step-settled');
    expect(read?.inputs[0]?.state).toEqual(made?.outputs[0]?.state);
  });

  test('a schema that changes what it looks at is refused where that is frozen already, with the cause', async () => {
    const spoils = handMade<{ n: number }>((value) => ({ value: Object.assign(value, { n: 2 }) }));
    const one = op({ name: 'one', run: () => ({ n: 1 }) });
    const reads = op({ name: 'reads', inputs: { x: input(spoils) }, run: ({ x }) => x.n });
    const { errors } = await materialize(
      whole(() => ({ out: reads({ x: one() }) })),
      { throwOnFailure: false },
    );
    expect(errors).toMatchObject([{ code: 'INPUT_INVALID', cause: expect.any(TypeError) }]);
  });
});

describe('what is not checked', () => {
  test('an emission that goes nowhere', async () => {
    const { schema, asked } = watching();
    const both = op({ name: 'both', outputs: { a: output<number>(), b: optional(schema) }, run: () => ({ a: 1, b: 2 }) });
    const defs = whole(() => ({ ...both() }));
    expect((await materialize(defs, { select: ['a'] })).status).toBe('succeeded');
    expect(asked).toEqual([]);
    await materialize(defs, { select: ['a'], unselectedOutputs: 'materialize' });
    expect(asked).toEqual([2]);
  });

  test('an input of a step that is skipped or blocked', async () => {
    const { schema, asked } = watching();
    const none = op({ name: 'none', outputs: { out: optional<number>() }, run: () => ({}) });
    const reads = op({ name: 'reads', inputs: { x: input(schema) }, run: () => 1 });
    const result = await materialize(whole(() => ({ out: reads({ x: none().out }) })));
    expect(result.outcomes.get('out')).toBe('absent');
    expect(asked).toEqual([]);
  });
});

describe('a refused input', () => {
  test('fails the step before its body, and is not tried again', async () => {
    let called = 0;
    const one = op({ name: 'one', run: () => ({ rows: [{ id: 1 }, { id: 'two' }] }) });
    const rows = z.object({ rows: z.array(z.object({ id: z.number() })) });
    const reads = op({ name: 'reads', inputs: { x: input(rows) }, retry: { max: 3 }, run: () => (called += 1) });
    const store = memoryStore();
    const { errors } = await materialize(
      whole(() => ({ out: untyped<(wiring: object) => ReturnType<typeof reads>>(reads)({ x: one() }) })),
      { store, throwOnFailure: false },
    );
    expect(called).toBe(0);
    expect(errors).toMatchObject([
      { code: 'INPUT_INVALID', details: { step: 'reads', op: 'reads', input: 'x', issues: [{ path: '$.rows[1].id' }] } },
    ]);
    expect(errors[0]?.message).toMatch(/^Step "reads" got what its schema refuses on input "x": .* at \$\.rows\[1\]\.id\. .*\.$/);
    expect(ofType(await logOf(store), 'step-settled').find(({ step }) => step === 'reads')).toMatchObject({
      outcome: 'failed',
      attempts: 0,
    });
  });
});
