import { describe, expect, test } from 'vitest';
import { op, optional, output, type Schema } from '../../../index.ts';
import { StepOutputs, type Emitted, type StepScope } from '../../../operators/step/outputs.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';
import { answering, handMade, making, refusing, watching } from '../run/schemas-rig.ts';
import { rejectedBy, thrownBy } from './refusals.ts';

const outputs = { a: output<unknown>(), b: optional<unknown>(), c: optional<unknown>() };
const many = op({ name: 'many', outputs, run: () => ({ a: 1 }) });

/** Outputs whose fixing keeps what it was given. */
function sink(scope: Partial<StepScope<Emitted>> = {}) {
  const fixed: [string, unknown][] = [];
  const made = new StepOutputs<Emitted>({
    op: many,
    step: 'g:many',
    selectedOutputs: new Set(['a', 'b']),
    unselected: 'discard',
    onDiscard: () => undefined,
    inBody: (userCode) => userCode(),
    fix: (name, emitted) => {
      fixed.push([name, emitted.value]);
      return emitted;
    },
    ...scope,
  });
  return { made, fixed };
}

const withSchema = (schema: Schema, transient = false) =>
  op({ name: 'many', outputs: { a: output(schema, { transient }), b: optional(schema) }, run: () => untyped<never>({}) });

const single = (result?: Schema) =>
  op(untyped<Parameters<typeof op>[0]>({ name: 'single', run: () => undefined, ...(result && { result }) }));
const asSingle = (result?: Schema): Partial<StepScope<Emitted>> => ({ op: untyped(single(result)), selectedOutputs: new Set(['result']) });

function said(made: StepOutputs<Emitted>, name = 'a'): Pick<Emitted, 'metadata' | 'version'> | undefined {
  const done = made.complete();
  if (done instanceof Promise) throw new Error('nothing takes its time here');
  const emitted = done.get(name);
  return emitted && { metadata: emitted.metadata, version: emitted.version };
}

describe('annotate', () => {
  test('says what the emission does not', () => {
    const { made } = sink();
    made.annotate('a', { metadata: { rows: 1 }, version: 'v1' });
    made.take('a', 5);
    expect(said(made)).toEqual({ metadata: { rows: 1 }, version: 'v1' });
  });

  test('adds up name by name; what is said later wins, and the emission is last', () => {
    const { made } = sink();
    made.annotate('a', { metadata: { one: 1, two: 1, three: 1 }, version: 'v1' });
    made.annotate('a', { metadata: { two: 2, three: 2 } });
    made.annotate('a', { version: 'v2' });
    made.annotate('a', untyped({ version: undefined, metadata: undefined }));
    made.take('a', 5, { metadata: { three: 3 } });
    expect(said(made)).toEqual({ metadata: { one: 1, two: 2, three: 3 }, version: 'v2' });
    const other = sink().made;
    other.annotate('a', { version: 'v1' });
    other.take('a', 5, { version: 'v2' });
    expect(said(other)).toEqual({ metadata: {}, version: 'v2' });
  });

  test('is for one output', () => {
    const { made } = sink();
    made.annotate('b', { metadata: { b: 1 } });
    made.take('a', 1, { metadata: { a: 1 } });
    made.take('b', 2);
    expect([said(made, 'a')?.metadata, said(made, 'b')?.metadata]).toEqual([{ a: 1 }, { b: 1 }]);
  });

  test('holds for a result that lives elsewhere (X11)', () => {
    const { made } = sink(asSingle());
    made.annotate('result', { metadata: { rows: 3 }, version: 'etag' });
    made.takeNone();
    const done = made.complete();
    expect(done instanceof Promise ? undefined : done.get('result')).toEqual({
      value: undefined,
      none: true,
      metadata: { rows: 3 },
      version: 'etag',
    });
  });

  test('takes metadata as it is then: what is said with a list or a Date cannot change afterwards', () => {
    const { made } = sink();
    const metadata = { rows: [1], at: new Date(0) };
    made.annotate('a', { metadata });
    expect(() => metadata.rows.push(2)).toThrow(TypeError);
    metadata.at.setTime(5);
    made.take('a', 1);
    expect(said(made)?.metadata).toEqual({ rows: [1], at: new Date(0) });
  });

  test('refuses what it must not, and the step fails although the body catches it', () => {
    const after = sink().made;
    after.take('a', 1);
    const cases: readonly (readonly [StepOutputs<Emitted>, string, unknown, string, string])[] = [
      [after, 'a', { metadata: {} }, 'OP_BODY', 'annotated "a" after it was emitted. Annotate first'],
      [sink().made, 'aa', { metadata: {} }, 'OUTPUT_UNDECLARED', 'annotated "aa", which op "many" does not declare. Did you mean "a"'],
      [sink().made, 'a', { meta: {} }, 'OP_BODY', 'annotated "a" wrongly: annotate() has no option "meta"'],
      [sink().made, 'a', { version: '' }, 'OP_BODY', 'annotated "a" wrongly: annotate(): "version" is ""'],
      [sink().made, 'a', null, 'OP_BODY', 'annotated "a" wrongly: annotate() takes its options as one object'],
      [sink().made, 'a', undefined, 'OP_BODY', 'annotated "a" wrongly'],
      [
        sink().made,
        'a',
        {
          get metadata(): object {
            throw new Error('getter');
          },
        },
        'OP_BODY',
        'annotated "a" wrongly: getter',
      ],
    ];
    for (const [made, name, options, code, message] of cases) {
      const error = thrownBy(() => made.annotate(name, untyped(options)));
      expect(error.code).toBe(code);
      expect(error.message).toContain(message);
      expect(error.details).toEqual({ step: 'g:many', op: 'many', output: name });
      expect(made.refusal).toBe(error);
    }
    expect(thrownBy(() => sink().made.annotate(untyped(5), {})).code).toBe('OUTPUT_UNDECLARED');
  });

  test('keeps its first refusal', () => {
    const { made } = sink();
    const first = thrownBy(() => made.annotate('x', {}));
    thrownBy(() => made.annotate('y', {}));
    expect(made.refusal).toBe(first);
  });

  test('an emission that went nowhere has emitted all the same', () => {
    const { made } = sink();
    made.take('c', 1);
    expect(thrownBy(() => made.annotate('c', {})).code).toBe('OP_BODY');
  });

  test('is dropped when the attempt is over', () => {
    const { made } = sink();
    made.close();
    expect(() => made.annotate('nowhere', untyped(5))).not.toThrow();
    expect(made.refusal).toBeUndefined();
  });

  const unfit: readonly (readonly [string, unknown])[] = [
    ['a list', [1]],
    ['text', 'rows'],
    ['null', null],
    ['a Map', new Map()],
    [
      'a getter that throws',
      {
        get rows(): number {
          throw new Error('getter');
        },
      },
    ],
    ['an instance of a class', { at: new URL('https://example.com') }],
  ];
  test.each(unfit)('is never put together with metadata that is %s: that is for the recorder to refuse', (_, metadata) => {
    const emitted = sink().made;
    emitted.annotate('a', { metadata: { a: 1 } });
    emitted.take('a', 1, { metadata: untyped(metadata) });
    expect(said(emitted)?.metadata).toBe(metadata);
    const annotated = sink().made;
    annotated.annotate('a', { metadata: untyped(metadata) });
    annotated.take('a', 1, { metadata: { a: 1 } });
    expect(said(annotated)?.metadata).toStrictEqual(metadata);
  });
});

describe('an output with a schema', () => {
  test('passes on what the schema makes of the value', () => {
    const { made, fixed } = sink({ op: withSchema(making((n: number) => `${n}!`)) });
    made.take('a', 1);
    expect(fixed).toEqual([['a', '1!']]);
  });

  test('is not asked about what is not emitted, goes nowhere, or comes late', () => {
    const { schema, asked } = watching();
    const all = op({ name: 'many', outputs: { a: optional(schema), c: optional(schema) }, run: () => ({}) });
    const { made } = sink({ op: all });
    made.take('a', undefined);
    made.take('c', 1);
    made.close();
    made.take('a', 1);
    expect(asked).toEqual([]);
  });

  test('is asked beyond need where the run takes everything (X7)', () => {
    const { schema, asked } = watching();
    const { made } = sink({ op: op({ name: 'many', outputs: { c: optional(schema) }, run: () => ({}) }), unselected: 'materialize' });
    made.take('c', 1);
    expect(asked).toEqual([1]);
  });

  test('refuses with the path, and what the schema threw as the cause', () => {
    const cause = new Error('boom');
    const refuses = sink({ op: withSchema(refusing({ message: 'bad', path: ['x'] })) }).made;
    const error = thrownBy(() => refuses.take('a', 1));
    expect(error.code).toBe('OUTPUT_INVALID');
    expect(error.message).toBe('Step "g:many" emitted what its schema refuses on "a": bad at $.x. Emit what fits, or widen the schema.');
    expect(error.details).toEqual({ step: 'g:many', op: 'many', output: 'a', issues: [{ path: '$.x', message: 'bad' }] });
    expect(Object.hasOwn(error, 'cause')).toBe(false);
    const throws = sink({
      op: withSchema(
        handMade(() => {
          throw cause;
        }),
      ),
    }).made;
    expect(thrownBy(() => throws.take('a', 1)).cause).toBe(cause);
  });

  test('that makes undefined of a value has emitted nothing, and cannot emit again', () => {
    const { made } = sink({ op: withSchema(making(() => undefined)) });
    made.take('a', 1);
    expect(thrownBy(() => made.take('a', 1)).code).toBe('OUTPUT_REPEATED');
    expect(thrownBy(() => made.complete()).code).toBe('OUTPUT_MISSING');
  });

  test('of an op without outputs is asked about a body that gives nothing', () => {
    const { schema, asked } = watching();
    const { made, fixed } = sink(asSingle(schema));
    made.takeNone();
    expect([asked, fixed]).toEqual([[undefined], [['result', undefined]]]);
    const filled = sink(asSingle(handMade((value) => ({ value: value ?? 'made' }))));
    filled.made.takeNone();
    expect(filled.fixed).toEqual([['result', 'made']]);
    expect(thrownBy(() => sink(asSingle(refusing())).made.takeNone()).code).toBe('OUTPUT_INVALID');
  });

  test('of an op without outputs may make nothing of a value: it lives elsewhere then', () => {
    const { made } = sink(asSingle(making(() => undefined)));
    made.take('result', 5);
    const done = made.complete();
    expect(done instanceof Promise ? undefined : done.get('result')).toMatchObject({ none: true, value: undefined });
  });
});

describe('a schema that takes its time', () => {
  test('is waited for when the body has completed', async () => {
    const { schema, accept } = answering<number, string>();
    const { made, fixed } = sink({ op: withSchema(schema) });
    made.annotate('a', { metadata: { n: 1 } });
    made.take('a', 1, { version: 'v' });
    const done = made.complete();
    expect(done).toBeInstanceOf(Promise);
    expect(fixed).toEqual([]);
    accept('one');
    expect((await done).get('a')).toEqual({ value: 'one', none: false, metadata: { n: 1 }, version: 'v' });
  });

  test('fails the step when it refuses, even while another one is not done', async () => {
    const never = deferred<unknown>();
    const slow = handMade((n) => (n === 1 ? Promise.resolve({ issues: [{ message: 'no' }] }) : never.promise));
    const { made } = sink({ op: withSchema(slow) });
    made.take('b', 2);
    made.take('a', 1);
    expect(await rejectedBy(made.complete())).toMatchObject({ code: 'OUTPUT_INVALID', details: { output: 'a' } });
  });

  test('refuses for nobody when the body has failed meanwhile: no rejection is left over', async () => {
    const { made } = sink({ op: withSchema(handMade(async () => ({ issues: [{ message: 'no' }] }))) });
    made.take('a', 1);
    await ready();
    made.close();
    // Told to whoever asks, and stops what the body emits next.
    expect(made.refusal?.code).toBe('OUTPUT_INVALID');
  });

  test('stops the body at its next emission once it has refused one', async () => {
    const { made } = sink({ op: withSchema(handMade(async () => ({ issues: [{ message: 'no' }] }))) });
    const { refused } = made;
    made.take('a', 1);
    expect((await refused).code).toBe('OUTPUT_INVALID');
    expect(() => made.take('b', 2)).toThrow('emitted what its schema refuses on "a"');
  });

  test('is late after the attempt is over: nothing is fixed', async () => {
    const { schema, accept } = answering();
    const { made, fixed } = sink({ op: withSchema(schema) });
    made.take('a', 1);
    made.close();
    accept(1);
    await ready();
    expect(fixed).toEqual([]);
  });

  test('what it makes undefined of is missing', async () => {
    const { made } = sink({ op: withSchema(handMade(async () => ({ value: undefined }))) });
    made.take('a', 1);
    expect(await rejectedBy(made.complete())).toMatchObject({ code: 'OUTPUT_MISSING' });
  });

  test('an annotation after the emission is refused while it looks', () => {
    const { made } = sink({ op: withSchema(answering().schema) });
    made.take('a', 1);
    expect(thrownBy(() => made.annotate('a', { version: 'v' })).code).toBe('OP_BODY');
  });

  test('the body cannot change meanwhile what it emitted (X13)', async () => {
    const { schema, asked, answer } = answering();
    const { made, fixed } = sink({ op: withSchema(schema) });
    const value = { rows: [1], at: new Date(0), seen: new Map([['a', [1]]]), bytes: new Uint8Array([1]) };
    made.take('a', value);
    expect(() => value.rows.push(2)).toThrow(TypeError);
    value.at.setTime(5);
    value.seen.clear();
    value.bytes[0] = 9;
    const looked = asked.at(-1);
    expect(looked).toEqual({ rows: [1], at: new Date(0), seen: new Map([['a', [1]]]), bytes: new Uint8Array([1]) });
    answer.resolve({ value: looked });
    await made.complete();
    expect(fixed).toEqual([['a', looked]]);
  });

  test('is asked once about what nobody can change, and about what passes by reference', async () => {
    const handle = { close: () => 1 };
    const cases: readonly (readonly [value: unknown, transient: boolean])[] = [
      [{ rows: [1] }, false],
      [5, false],
      [handle, false],
      [new Map([['a', 1]]), true],
    ];
    for (const [value, transient] of cases) {
      const { schema, asked, answer } = answering();
      const { made, fixed } = sink({ op: withSchema(schema, transient) });
      made.take('a', value);
      answer.resolve({ value });
      await made.complete();
      expect(asked).toHaveLength(1);
      expect(asked[0]).toBe(value);
      expect(fixed[0]?.[1]).toBe(value);
    }
  });

  test('what passes by reference is frozen as far as it can be', () => {
    const value = { rows: [1], at: new Date(0) };
    sink({ op: withSchema(answering().schema, true) }).made.take('a', value);
    expect(() => value.rows.push(2)).toThrow(TypeError);
    expect(Object.isFrozen(value)).toBe(true);
  });

  test('metadata cannot change meanwhile either', async () => {
    const { schema, accept } = answering();
    const { made } = sink({ op: withSchema(schema) });
    const metadata = { rows: [1], at: new Date(0) };
    made.take('a', 1, { metadata });
    expect(() => metadata.rows.push(2)).toThrow(TypeError);
    metadata.at.setTime(5);
    accept(1);
    expect((await made.complete()).get('a')?.metadata).toEqual({ rows: [1], at: new Date(0) });
  });
});
