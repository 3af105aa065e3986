import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graph, input, list, nothing, op } from '../../../index.ts';
import type { Handle, InputPort } from '../../../index.ts';
import { addOne, after, lenient, pair, sum, two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const names = (body: () => unknown): readonly string[] => {
  const made = graph('g', () => {
    const handles = body();
    // Every test body here returns handles.
    return Object.fromEntries((handles as readonly Handle[]).map((handle, index) => [`o${index}`, handle]));
  });
  return made.invocations.map(({ name }) => name);
};

describe('D4: one op, many times', () => {
  test('the second use gets a name of its own', () => {
    expect(names(() => [addOne({ x: two() }), addOne({ x: two() }), addOne({ x: two() })])).toEqual([
      'two',
      'add_one',
      'two_2',
      'add_one_2',
      'two_3',
      'add_one_3',
    ]);
  });

  test('or the one that .as() gives', () => {
    expect(names(() => [two.as('first')(), two(), two.as('third')(), two()])).toEqual(['first', 'two', 'third', 'two_2']);
  });

  test('.as() can be kept and used again under another name, not under the same', () => {
    const first = two.as('first');
    expectRefusal(() => names(() => [first(), first()]), 'INVOCATION_NAME_TAKEN', 'Graph "g" has an invocation "first" already', '.as()');
    expect(names(() => [first()])).toEqual(['first']);
  });

  test('a number that is taken is left out', () => {
    expect(names(() => [two.as('two_2')(), two(), two(), two()])).toEqual(['two_2', 'two', 'two_3', 'two_4']);
    const twoTwo = op({ name: 'two_2', run: () => 1 });
    expect(names(() => [two(), two(), twoTwo()])).toEqual(['two', 'two_2', 'two_2_2']);
    expect(names(() => [two(), twoTwo(), two(), twoTwo()])).toEqual(['two', 'two_2', 'two_3', 'two_2_2']);
  });

  test('names are unique in a graph, whatever is used and however it is named', () => {
    const ops = ['a', 'a_2', 'a_2_2', 'b'].map((name) => op({ name, run: () => 1 }));
    const use = fc.record({ op: fc.constantFrom(...ops), as: fc.option(fc.constantFrom('a', 'a_2', 'a_3', 'c'), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(use, { minLength: 1, maxLength: 12 }), (uses) => {
        const taken = new Set<string>();
        const made = names(() =>
          uses
            .flatMap(({ op: used, as }) => {
              if (as === undefined) return [used()];
              if (taken.has(as)) return [];
              try {
                return [used.as(as)()];
              } catch {
                return []; // taken by an op's own name
              } finally {
                taken.add(as);
              }
            })
            .concat(op({ name: 'last', run: () => 1 })()),
        );
        expect(new Set(made).size).toBe(made.length);
      }),
    );
  });

  test('a graph is used twice like an op', () => {
    const sub = graph('sub', { inputs: { x: input<number>() } }, ({ x }) => addOne({ x }));
    expect(names(() => [sub({ x: two() }), sub({ x: two() }), sub.as('third')({ x: two() })])).toEqual([
      'two',
      'sub',
      'two_2',
      'sub_2',
      'two_3',
      'third',
    ]);
  });

  test('two different ops, or an op and a graph, under one name in a graph are refused', () => {
    const otherTwo = op({ name: 'two', run: () => 22 });
    const graphTwo = graph('two', () => addOne({ x: two() }));
    expectRefusal(
      () => names(() => [two(), otherTwo()]),
      'NAME_CONFLICT',
      'Graph "g" uses two different definitions named "two" (op and op)',
      'Rename one',
    );
    expectRefusal(() => names(() => [two(), otherTwo.as('other')()]), 'NAME_CONFLICT', '"two"');
    expectRefusal(() => names(() => [two(), graphTwo()]), 'NAME_CONFLICT', '(op and graph)');
    expect(names(() => [otherTwo(), otherTwo()])).toEqual(['two', 'two_2']);
  });

  test('the same name may stand for two ops in two graphs, nested ones too', () => {
    const sub = graph('sub', () => op({ name: 'two', run: () => 22 })());
    expect(names(() => [two(), sub()])).toEqual(['two', 'sub']);
  });
});

describe('D5: wiring is refused where it is written', () => {
  const inGraph =
    (place: () => unknown): (() => unknown) =>
    () =>
      untyped(graph)('g', place);

  test('an input that the op does not have, with the nearest one', () => {
    expectRefusal(
      inGraph(() => untyped(addOne)({ y: two() })),
      'UNKNOWN_INPUT',
      '"add_one" in graph "g": op "add_one" has no input "y"',
      'Did you mean "x"?',
    );
    expectRefusal(
      inGraph(() => untyped(two)({ x: two() })),
      'UNKNOWN_INPUT',
      'op "two" has no input "x"',
      'There is none.',
    );
    for (const name of ['toString', 'constructor', 'then', '__proto__', 'hasOwnProperty']) {
      expectRefusal(
        inGraph(() => untyped(addOne)({ x: two(), ...JSON.parse(`{"${name}":1}`) })),
        'UNKNOWN_INPUT',
        `no input "${name}"`,
      );
    }
  });

  test('a required input that is not fed, whatever its kind', () => {
    expectRefusal(
      inGraph(() => untyped(addOne)()),
      'INPUT_NOT_FED',
      'input "x" of "add_one" in graph "g" is required',
      'Wire a handle',
    );
    expectRefusal(
      inGraph(() => untyped(sum)({})),
      'INPUT_NOT_FED',
      'input "xs" of "sum"',
    );
    expectRefusal(
      inGraph(() => untyped(after)({ first: undefined })),
      'INPUT_NOT_FED',
      'input "first" of "after"',
    );
  });

  test('a list that is wired as [] is fed', () => {
    const made = graph('g', () => sum({ xs: [] }));
    expect(made.invocations[0]?.wiring.get('xs')).toEqual([]);
    expect(graph('g', () => after({ first: [] })).invocations[0]?.wiring.get('first')).toEqual([]);
  });

  test('optional inputs may stay unfed', () => {
    const made = graph('g', () => lenient());
    expect([...(made.invocations[0]?.wiring ?? [])]).toEqual([
      ['x', []],
      ['xs', []],
      ['first', []],
    ]);
    expect(graph('g', () => lenient({})).invocations).toHaveLength(1);
    expect(graph('g', () => lenient({ x: two() })).invocations).toHaveLength(2);
  });

  test('a value input that is fed twice', () => {
    expectRefusal(
      inGraph(() => untyped(addOne)({ x: [two(), two()] })),
      'INPUT_FED_TWICE',
      'input "x" of "add_one" in graph "g" takes one value and got a list of 2',
      'list()',
    );
    expectRefusal(
      inGraph(() => untyped(addOne)({ x: [two()] })),
      'INPUT_FED_TWICE',
      'a list of 1',
    );
    expectRefusal(
      inGraph(() => untyped(addOne)({ x: [] })),
      'INPUT_FED_TWICE',
      'a list of 0',
    );
  });

  test('the same entry twice in one fan-in call, and not in two', () => {
    expectRefusal(
      inGraph(() => {
        const once = two();
        return sum({ xs: [once, addOne({ x: once }), once] });
      }),
      'DUPLICATE_FAN_IN_ENTRY',
      'input "xs" of "sum" in graph "g" lists "two.result" twice',
    );
    expectRefusal(
      () => graph('g', { inputs: { up: input<number>() } }, ({ up }) => sum({ xs: [up, up] })),
      'DUPLICATE_FAN_IN_ENTRY',
      'lists "input up" twice',
    );
    expectRefusal(
      inGraph(() => {
        const once = two();
        return after({ first: [once, once] });
      }),
      'DUPLICATE_FAN_IN_ENTRY',
      'input "first"',
    );
    const twice = graph('g', () => {
      const once = two();
      return { a: sum({ xs: [once] }), b: sum({ xs: [once] }), c: sum({ xs: [pair().left, once] }) };
    });
    expect(twice.invocations).toHaveLength(5);
  });

  test('an output or an input of another graph', () => {
    let foreign: Handle<number> | undefined;
    let foreignInput: Handle<number> | undefined;
    graph('other', { inputs: { up: input<number>() } }, ({ up }) => {
      foreignInput = up;
      foreign = addOne({ x: up });
      return foreign;
    });
    expectRefusal(
      inGraph(() => untyped(addOne)({ x: foreign })),
      'FOREIGN_HANDLE',
      'input "x" of "add_one" in graph "g" got "add_one.result"',
      "another graph's body",
      'Pass it in as an input of "g"',
    );
    expectRefusal(
      inGraph(() => untyped(sum)({ xs: [two(), foreignInput] })),
      'FOREIGN_HANDLE',
      'input "xs" of "sum" in graph "g" got "input up"',
    );
    expectRefusal(
      inGraph(() => foreign),
      'FOREIGN_HANDLE',
      'Output "result" of graph "g" is "add_one.result"',
      'Return an output of this one',
    );
    // The same graph's name, even the same function: another body all the same.
    const body = (): Handle<number> => (foreign = two());
    graph('g', body);
    const kept = foreign;
    expectRefusal(
      inGraph(() => untyped(addOne)({ x: kept })),
      'FOREIGN_HANDLE',
    );
  });

  test('what a graph input carries has to fit what it feeds', () => {
    const feed =
      (port: InputPort, place: (x: unknown) => unknown): (() => unknown) =>
      () =>
        untyped(graph)('g', { inputs: { up: port } }, ({ up }: { readonly up: unknown }) => place(up));
    expectRefusal(
      feed(list(), (x) => untyped(addOne)({ x })),
      'INVALID_WIRING',
      'input "x" of "add_one" in graph "g" takes one value, and the graph\'s input "up" is a list',
      'list()',
    );
    expectRefusal(
      feed(nothing(), (x) => untyped(addOne)({ x })),
      'INVALID_WIRING',
      'reads a value, and the graph\'s input "up" carries nothing',
      'input()',
    );
    expectRefusal(
      feed(nothing(), (x) => untyped(sum)({ xs: [x] })),
      'INVALID_WIRING',
      'carries nothing',
    );
    expectRefusal(
      feed(input({ optional: true }), (x) => untyped(addOne)({ x })),
      'INPUT_NOT_FED',
      'is required, and the graph\'s input "up" is optional',
    );
    for (const fine of [
      feed(list(), (xs) => untyped(sum)({ xs })),
      feed(list(), (xs) => untyped(sum)({ xs: [two(), xs] })),
      feed(list(), (first) => untyped(after)({ first })),
      feed(nothing(), (first) => untyped(after)({ first })),
      feed(input(), (first) => untyped(after)({ first })),
      feed(input(), (x) => untyped(sum)({ xs: x })),
      feed(input({ optional: true }), (x) => untyped(lenient)({ x })),
    ]) {
      expect(fine).not.toThrow();
    }
  });
});
