import { describe, expect, test } from 'vitest';
import { input, list, nothing, op, StepError, type Inputs, type Schema } from '../../../index.ts';
import { checkInputs } from '../../../operators/step/check-inputs.ts';
import { answering, handMade, making, refusing, watching } from '../run/schemas-rig.ts';
import { thrownBy, rejectedBy } from './refusals.ts';

const check = (inputs: Inputs, given: Readonly<Record<string, unknown>>) =>
  checkInputs({ op: op({ name: 'reads', inputs, run: () => 1 }), step: 'g:reads' }, given);

const double = making((n: number) => n * 2);

describe('the inputs of a step', () => {
  test('are what they were, where no input has a schema', () => {
    const given = Object.freeze({ a: 1, b: [2] });
    expect(check({ a: input(), b: list(), c: nothing() }, given)).toBe(given);
  });

  test('are what their schemas make of them, the others as they were, in a frozen record', () => {
    const made = check({ a: input(double), b: input(), c: list(double) }, { a: 1, b: 'x', c: [1, 2] });
    expect(made).toEqual({ a: 2, b: 'x', c: [2, 4] });
    expect(Object.isFrozen(made)).toBe(true);
  });

  test('are frozen after their schemas, a list and its entries too', () => {
    const wrap = making((n: number) => ({ deep: [{ n }] }));
    const made = check({ a: input(wrap), b: list(wrap) }, { a: 1, b: [2] });
    const { a, b } = made as { a: { deep: object[] }; b: { deep: object[] }[] };
    for (const frozen of [a, a.deep, a.deep[0], b, b[0], b[0]?.deep, b[0]?.deep[0]]) expect(Object.isFrozen(frozen)).toBe(true);
  });

  test('are checked entry by entry where they are a list, in order', () => {
    const { schema, asked } = watching();
    void check({ a: list(schema) }, { a: ['x', undefined, 'y'] });
    expect(asked).toEqual(['x', undefined, 'y']);
    expect(check({ a: list(refusing()) }, { a: [] })).toEqual({ a: [] });
  });

  test('may be named as no field should be', () => {
    const made = check(Object.fromEntries([['__proto__', input(double)]]), Object.fromEntries([['__proto__', 3]]));
    expect(Object.entries(made)).toEqual([['__proto__', 6]]);
  });
});

describe('an input without a value', () => {
  test('is not checked where it is optional', () => {
    const { schema, asked } = watching();
    expect(check({ a: input(schema, { optional: true }), b: list(schema, { optional: true }) }, { a: undefined, b: [] })).toEqual({
      a: undefined,
      b: [],
    });
    expect(asked).toEqual([]);
  });

  test('is checked where it is required: a step that gives nothing can be wired to it', () => {
    const withDefault = handMade((n) => ({ value: n ?? 7 }));
    expect(check({ a: input(withDefault) }, { a: undefined })).toEqual({ a: 7 });
    expect(thrownBy(() => check({ a: input(refusing({ message: 'no' })) }, { a: undefined })).code).toBe('INPUT_INVALID');
  });

  test('null and other falsy values are values', () => {
    for (const value of [null, 0, '', false]) {
      const { schema, asked } = watching();
      void check({ a: input(schema, { optional: true }) }, { a: value });
      expect(asked).toEqual([value]);
    }
  });
});

describe('what a schema refuses at an input', () => {
  test('fails the step, and says which step, which input, where in the value, and what to do', () => {
    const error = thrownBy(() =>
      check({ ok: input(double), rows: input(refusing({ message: 'not a number', path: ['rows', 3, 'id'] })) }, { ok: 1, rows: 2 }),
    );
    expect(error).toBeInstanceOf(StepError);
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toBe(
      'Step "g:reads" got what its schema refuses on input "rows": not a number at $.rows[3].id. Make what feeds it fit, or widen the schema.',
    );
    expect(error.details).toEqual({
      step: 'g:reads',
      op: 'reads',
      input: 'rows',
      issues: [{ path: '$.rows[3].id', message: 'not a number' }],
    });
    expect(Object.hasOwn(error, 'cause')).toBe(false);
  });

  test('is told with the place of the entry in a list', () => {
    const odd = handMade<number>((n) =>
      n % 2 === 0 ? { value: n } : { issues: [{ message: `${n} is odd`, path: ['n'] }, { message: 'and bad' }] },
    );
    const error = thrownBy(() => check({ a: list(odd) }, { a: [2, 3, 4, 5] }));
    expect(error.details['issues']).toEqual([
      { path: '$[1].n', message: '3 is odd' },
      { path: '$[1]', message: 'and bad' },
      { path: '$[3].n', message: '5 is odd' },
      { path: '$[3]', message: 'and bad' },
    ]);
    expect(error.message).toContain('3 is odd at $[1].n; and bad at $[1]; 5 is odd at $[3].n; and 1 more.');
  });

  test('has what the schema threw as its cause, in a list too', () => {
    const cause = new TypeError('boom');
    const throws: Schema = handMade((value) => {
      if (value === 'bad') throw cause;
      return { value };
    });
    expect(thrownBy(() => check({ a: input(throws) }, { a: 'bad' })).cause).toBe(cause);
    const error = thrownBy(() => check({ a: list(throws) }, { a: ['fine', 'bad'] }));
    expect(error.cause).toBe(cause);
    expect(error.details['issues']).toEqual([{ path: '$[1]', message: 'the schema threw: boom' }]);
  });

  test('is the first input that was refused, in the order in which they are declared', () => {
    const refuses = { b: input(refusing({ message: 'b' })), a: input(refusing({ message: 'a' })) };
    expect(thrownBy(() => check(refuses, { a: 1, b: 1 })).details['input']).toBe('b');
  });
});

describe('schemas that take their time', () => {
  test('are asked at the same time, and waited for', async () => {
    const [one, two] = [answering<number, string>(), answering<number, string>()];
    const later = check({ a: input(one.schema), b: list(two.schema), c: input(double) }, { a: 1, b: [2], c: 3 });
    expect(later).toBeInstanceOf(Promise);
    expect([one.asked, two.asked]).toEqual([[1], [2]]);
    two.accept('two');
    one.accept('one');
    expect(await later).toEqual({ a: 'one', b: ['two'], c: 6 });
  });

  test('refuse by rejecting, with the place of an entry', async () => {
    const slow = handMade<number>(async (n) => (n === 2 ? { issues: [{ message: 'two', path: ['id'] }] } : { value: n }));
    const error = await rejectedBy(check({ a: list(slow) }, { a: [1, 3, 2] }));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', details: { issues: [{ path: '$[2].id', message: 'two' }] } });
    const mixed = handMade<number>((n) => (n === 2 ? Promise.resolve({ value: 'later' }) : { value: 'now' }));
    expect(await check({ a: list(mixed) }, { a: [1, 2, 3] })).toEqual({ a: ['now', 'later', 'now'] });
  });
});
