import { of, map, type Observable } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import { emit, graph, input, list, nothing, op, optional, output } from '../../index.ts';
import type { Handle, ListHandle, SingleOp } from '../../index.ts';

const two = op({ name: 'two', run: () => 2 });
const text = op({ name: 'text', run: () => 'x' });
const pair = op({ name: 'pair', outputs: { left: output<number>(), right: optional<string>() }, run: () => ({ left: 1 }) });

function* emitsA() {
  yield emit('a', 1);
}
function* emitsB() {
  yield emit('b', 1);
}
function* emitsText() {
  yield emit('a', 'x');
}
async function* emitsBLater() {
  yield emit('b', await Promise.resolve(1));
}
async function* yieldsLater() {
  yield await Promise.resolve(1);
}

describe('what a body gets', () => {
  test('a value, an array per list, nothing of what is order alone, and undefined where an input is optional', () => {
    op({
      name: 'a',
      inputs: {
        x: input<number>(),
        xs: list<string>(),
        first: nothing(),
        maybe: input<Date>({ optional: true }),
        some: list<boolean>({ optional: true }),
      },
      run: (inputs, context) => {
        expectTypeOf(inputs).toEqualTypeOf<{
          readonly x: number;
          readonly xs: readonly string[];
          readonly maybe: Date | undefined;
          readonly some: readonly boolean[];
        }>();
        expectTypeOf(context.selectedOutputs).toEqualTypeOf<ReadonlySet<'result'>>();
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
        // @ts-expect-error order alone carries no value
        return inputs.first;
      },
    });
  });

  test('the names of its own outputs in selectedOutputs', () => {
    op({
      name: 'a',
      outputs: { foo: optional<number>(), bar: output<number>() },
      run: (_, { selectedOutputs }) => {
        expectTypeOf(selectedOutputs).toEqualTypeOf<ReadonlySet<'foo' | 'bar'>>();
        // @ts-expect-error no such output
        selectedOutputs.has('fooo');
        return { bar: 1 };
      },
    });
  });

  test('frames of the same record where it is an operator', () => {
    op({
      name: 'a',
      inputs: { x: input<number>() },
      operator: (frames) => {
        expectTypeOf(frames).toEqualTypeOf<Observable<{ readonly x: number }>>();
        return frames.pipe(map(({ x }) => x * 2));
      },
    });
  });
});

describe('what an invocation gives', () => {
  test('the one handle of an op without outputs: the type of its value, awaited', () => {
    graph('g', () => {
      expectTypeOf(two()).toEqualTypeOf<Handle<number>>();
      expectTypeOf(op({ name: 'p', run: async () => ({ k: 1 }) })()).toEqualTypeOf<Handle<{ k: number }>>();
      expectTypeOf(op({ name: 'o', operator: (frames) => frames.pipe(map(() => 'x')) })()).toEqualTypeOf<Handle<string>>();
      expectTypeOf(op({ name: 'u', run: (): number | undefined => undefined })()).toEqualTypeOf<Handle<number | undefined>>();
      expectTypeOf(op({ name: 'v', run: () => {} })()).toEqualTypeOf<Handle<void>>();
      return two();
    });
  });

  test('a record of handles where outputs are declared, even one', () => {
    graph('g', () => {
      expectTypeOf(pair()).toEqualTypeOf<{ readonly left: Handle<number>; readonly right: Handle<string> }>();
      const one = op({ name: 'one', outputs: { result: output<number>() }, run: () => ({ result: 1 }) });
      expectTypeOf(one()).toEqualTypeOf<{ readonly result: Handle<number> }>();
      expectTypeOf(one.as('other')()).toEqualTypeOf<{ readonly result: Handle<number> }>();
      return two();
    });
  });

  test('an op says what it is', () => {
    expectTypeOf(two).toExtend<SingleOp<Readonly<Record<never, never>>, number>>();
    expectTypeOf(two.name).toEqualTypeOf<string>();
  });
});

describe('what a body with outputs may give', () => {
  const outputs = { a: output<number>(), b: optional<string>() };

  test('a record, a promise of one, a generator, an async one, an Observable, or an operator of emissions', () => {
    op({ name: 'record', outputs, run: () => ({ a: 1 }) });
    op({ name: 'promise', outputs, run: async () => ({ a: 1, b: 'x' }) });
    op({
      name: 'generator',
      outputs,
      *run() {
        yield emit('a', 1);
        yield emit('b', 'x', { metadata: { rows: 1 } });
      },
    });
    op({
      name: 'async_generator',
      outputs,
      async *run() {
        yield emit('a', await Promise.resolve(1));
      },
    });
    op({ name: 'observable', outputs, run: () => of(emit('a', 1), emit('b', 'x')) });
    op({ name: 'operator', outputs, operator: (frames) => frames.pipe(map(() => emit('a', 1))) });
  });

  test('literals, where they are written as such or where the body reads something', () => {
    op({
      name: 'literal',
      outputs: { a: output<'x' | 'y'>(), b: output<readonly [number, string]>() },
      run: () => ({ a: 'x', b: [1, 'z'] }) as const,
    });
    op({
      name: 'contextual',
      inputs: { n: input<number>() },
      outputs: { a: output<'x' | 'y'>() },
      run: ({ n }) => ({ a: n > 0 ? 'x' : 'y' }),
    });
  });

  test('not an output of another name', () => {
    // @ts-expect-error b is not declared
    op({ name: 'bad', outputs: { a: output<number>() }, run: () => ({ b: 1 }) });
    // @ts-expect-error b is not declared
    op({ name: 'bad', outputs: { a: output<number>() }, run: () => of(emit('b', 1)) });
    // @ts-expect-error b is not declared
    op({ name: 'bad', outputs: { a: output<number>() }, run: emitsB });
    // @ts-expect-error b is not declared
    op({ name: 'bad', outputs: { a: output<number>() }, run: emitsBLater });
    // @ts-expect-error b is not declared
    op({ name: 'bad', outputs: { a: output<number>() }, operator: (frames) => frames.pipe(map(() => emit('b', 1))) });
  });

  test('not a value of another type', () => {
    // @ts-expect-error a is a number
    op({ name: 'bad', outputs: { a: output<number>() }, run: () => ({ a: 'x' }) });
    // @ts-expect-error a is a number
    op({ name: 'bad', outputs: { a: output<number>() }, run: async () => ({ a: 'x' }) });
    // @ts-expect-error a is a number
    op({ name: 'bad', outputs: { a: output<number>() }, run: emitsText });
    // @ts-expect-error a is a number
    op({ name: 'bad', outputs: { a: output<number>() }, run: () => of(emit('a', 'x')) });
    // @ts-expect-error emissions, not values
    op({ name: 'bad', outputs: { a: output<number>() }, operator: (frames) => frames.pipe(map(() => 5)) });
  });

  test('not a record without a required output, nor nothing', () => {
    // @ts-expect-error a is required
    op({ name: 'bad', outputs: { a: output<number>(), b: optional<string>() }, run: () => ({ b: 'x' }) });
    // @ts-expect-error a record is wanted
    op({ name: 'bad', outputs: { a: output<number>() }, run: () => {} });
    // @ts-expect-error a promise of emissions is none
    op({ name: 'bad', outputs: { a: output<number>() }, run: async () => of(emit('a', 1)) });
  });
});

describe('what an op may not be', () => {
  test('one without outputs that emits', () => {
    // @ts-expect-error emissions are no value
    op({ name: 'bad', run: emitsA });
    // @ts-expect-error emissions are no value
    op({ name: 'bad', run: yieldsLater });
    // @ts-expect-error emissions are no value
    op({ name: 'bad', run: () => of(1) });
    // @ts-expect-error emissions are no value
    op({ name: 'bad', run: async () => of(1) });
  });

  test('one without a body or with two, without a name, or with an option that there is not', () => {
    // @ts-expect-error no body
    op({ name: 'bad' });
    // @ts-expect-error two bodies
    op({ name: 'bad', run: () => 1, operator: () => of(1) });
    // @ts-expect-error no name
    op({ run: () => 1 });
    // @ts-expect-error inputs
    op({ name: 'bad', input: { a: input<number>() }, run: () => 1 });
    // @ts-expect-error a string
    op({ name: 'bad', codeVersion: 2, run: () => 1 });
    // @ts-expect-error an output among the inputs
    op({ name: 'bad', inputs: { a: output<number>() }, run: () => 1 });
    // @ts-expect-error an input among the outputs
    op({ name: 'bad', outputs: { a: input<number>() }, run: () => ({ a: 1 }) });
  });

  test('one that reads an input that it does not declare', () => {
    // @ts-expect-error b is not declared
    op({ name: 'bad', inputs: { a: input<number>() }, run: ({ b }) => b });
  });
});

describe('wiring', () => {
  const add = op({ name: 'add', inputs: { a: input<number>(), b: input<number>({ optional: true }) }, run: ({ a, b = 0 }) => a + b });
  const sum = op({ name: 'sum', inputs: { xs: list<number>(), first: nothing({ optional: true }) }, run: ({ xs }) => xs.length });

  test('feeds every required input with its type; optional ones may be left out', () => {
    graph('g', { inputs: { up: input<number>(), many: list<number>(), when: nothing() } }, ({ up, many, when }) => {
      expectTypeOf(up).toEqualTypeOf<Handle<number>>();
      expectTypeOf(many).toEqualTypeOf<ListHandle<number>>();
      add({ a: up });
      add({ a: two(), b: up });
      sum({ xs: many });
      sum({ xs: [up, many, two()], first: when });
      sum({ xs: two(), first: [text(), two()] });
      sum({ xs: [], first: many });
      return sum({ xs: [] });
    });
  });

  test('refuses what is missing, unknown or of another type', () => {
    graph('g', { inputs: { many: list<number>(), texts: list<string>() } }, ({ many, texts }) => {
      // @ts-expect-error a is required
      add({});
      // @ts-expect-error a is required
      add();
      // @ts-expect-error c is unknown
      add({ a: two(), c: two() });
      // @ts-expect-error a is a number
      add({ a: text() });
      // @ts-expect-error a value takes no list
      add({ a: [two()] });
      // @ts-expect-error a value takes no list
      add({ a: many });
      // @ts-expect-error a number is no handle
      add({ a: 5 });
      // @ts-expect-error the op itself is no handle
      add({ a: two });
      // @ts-expect-error a record of handles is none
      add({ a: pair() });
      // @ts-expect-error the output is called left
      add({ a: pair().lefty });
      // @ts-expect-error it takes no inputs
      two({ a: two() });
      // @ts-expect-error one entry of the fan-in is a string
      sum({ xs: [two(), text()] });
      // @ts-expect-error a list of strings
      sum({ xs: texts });
      // @ts-expect-error a string
      sum({ xs: text() });
      // @ts-expect-error one entry is a list of strings
      return sum({ xs: [two(), texts] });
    });
  });
});
