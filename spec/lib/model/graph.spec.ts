import { describe, expect, test } from 'vitest';
import { graph, input, op, output } from '../../../index.ts';
import type { Handle } from '../../../index.ts';
import { isGraph } from '../../../lib/model/graph.ts';
import { addOne, pair, sum, two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const wrap = graph('wrap', { inputs: { x: input<number>() } }, ({ x }) => addOne({ x }));

describe('graph', () => {
  test('runs its body once, when it is made, and runs nothing else', () => {
    let bodies = 0;
    let runs = 0;
    const count = op({ name: 'count', run: () => (runs += 1) });
    const made = graph('g', () => {
      bodies += 1;
      return count();
    });
    expect([bodies, runs]).toEqual([1, 0]);
    expect({ ...made }).toMatchObject({ kind: 'graph', single: true, outputNames: ['result'], description: undefined });
    expect(made.name).toBe('g');
    expect(Object.isFrozen(made)).toBe(true);
  });

  test('returns one handle, or a record of handles in the order written', () => {
    const record = graph('g', { description: 'both' }, () => ({ second: two(), first: pair().right }));
    expect({ ...record }).toMatchObject({ single: false, outputNames: ['second', 'first'], description: 'both' });
    expect([...record.outputs]).toEqual([
      ['second', { from: 'invocation', invocation: 'two', output: 'result' }],
      ['first', { from: 'invocation', invocation: 'pair', output: 'right' }],
    ]);
    expect(graph('g', () => pair()).outputNames).toEqual(['left', 'right']);
  });

  test('nests, and another graph may be made inside a body', () => {
    let inner: unknown;
    const outer = graph('outer', () => {
      const start = two();
      const made = graph('inner', { inputs: { x: input<number>() } }, ({ x }) => addOne({ x: addOne({ x }) }));
      inner = made;
      return made({ x: start });
    });
    expect(isGraph(inner)).toBe(true);
    expect(outer.invocations.map(({ name }) => name)).toEqual(['two', 'inner']);
    expectRefusal(
      () =>
        graph('outer', () => {
          const start = two();
          return graph('inner', () => addOne({ x: start }))();
        }),
      'FOREIGN_HANDLE',
      'input "x" of "add_one" in graph "inner" got "two.result"',
      'Pass it in as an input of "inner"',
    );
  });

  test('an error that its body throws passes through untouched, and leaves nothing open', () => {
    const own = new RangeError('mine');
    const throwing = (): Handle<number> => {
      two();
      throw own;
    };
    for (const make of [() => graph('g', throwing), () => graph('outer', () => graph('inner', throwing)())]) {
      let thrown: unknown;
      try {
        make();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(own);
      expectRefusal(() => two(), 'OUTSIDE_GRAPH');
    }
    // A body that catches it goes on in its own graph.
    const outer = graph('outer', () => {
      try {
        graph('inner', throwing);
      } catch {
        return two();
      }
      return addOne({ x: two() });
    });
    expect(outer.invocations.map(({ name }) => name)).toEqual(['two']);
  });

  test('what is no error can be thrown too', () => {
    let thrown: unknown = 'nothing';
    try {
      graph('g', () => {
        throw undefined;
      });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(undefined);
  });

  test('an async body is refused, and what it throws later ends nobody', async () => {
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on('unhandledRejection', note);
    const body = async (): Promise<unknown> => {
      two();
      await Promise.resolve();
      return two(); // outside of any graph by now: rejects
    };
    expectRefusal(() => untyped(graph)('g', body), 'GRAPH_WITHOUT_OUTPUTS', 'Graph "g" returned a promise', 'synchronously');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(rejections).toEqual([]);
  });

  test.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'returned undefined'],
    ['null', () => null, 'returned null'],
    ['a number', () => 5, 'returned a number'],
    ['a list of handles', () => [two()], 'returned an array'],
    ['an op', () => two, 'returned a function'],
    ['a Map of handles', () => new Map([['a', two()]]), 'returned a Map'],
    [
      'a generator',
      function* () {
        yield two();
      },
      'returned a Generator',
    ],
    ['a promise of a handle', () => Promise.resolve(two()), 'returned a promise'],
    ['an empty record', () => ({}), 'returned no outputs'],
  ])('a body that returns %s is refused', (_, body, words) => {
    expectRefusal(() => untyped(graph)('g', body), 'GRAPH_WITHOUT_OUTPUTS', `Graph "g" ${words}`, 'Return');
  });

  test('an output that is no handle is refused, by its name', () => {
    expectRefusal(
      () => untyped(graph)('g', () => ({ good: two(), bad: 5 })),
      'INVALID_WIRING',
      'Output "bad" of graph "g" is a number instead of a handle',
    );
    expectRefusal(() => untyped(graph)('g', () => ({ bad: pair() })), 'INVALID_WIRING', 'Output "bad" of graph "g" is an object');
  });
});

describe('D5: what a graph may not be', () => {
  test('one with an unused input', () => {
    expectRefusal(
      () => graph('g', { inputs: { used: input<number>(), a: input(), b: input() } }, ({ used }) => addOne({ x: used })),
      'UNUSED_GRAPH_INPUT',
      'Graph "g" declares "a" and "b" as input and wires it to nothing',
      'Wire it, or remove it',
    );
    // Being used by a nested graph is being used.
    expect(() => graph('g', { inputs: { x: input<number>() } }, ({ x }) => wrap({ x }))).not.toThrow();
  });

  test('one that returns an input unchanged', () => {
    expectRefusal(
      () => graph('g', { inputs: { x: input<number>() } }, ({ x }) => ({ sum: addOne({ x }), same: x })),
      'GRAPH_INPUT_RETURNED',
      'Graph "g" returns its input "x" unchanged as "same"',
      'Read that asset under its own key, or pass it through an op',
    );
    expectRefusal(() => graph('g', { inputs: { x: input<number>() } }, ({ x }) => x), 'GRAPH_INPUT_RETURNED', 'unchanged as "result"');
  });

  test('one with a leaf step none of whose outputs is an output of it', () => {
    expectRefusal(
      () =>
        graph('g', () => {
          two();
          sum({ xs: [two()] });
          return two();
        }),
      'LEAF_STEP',
      'In graph "g" nothing reads "two" and "sum"',
      'Return one of its outputs, or remove it',
    );
    // One output that is read or returned is enough.
    expect(() => graph('g', () => pair().left)).not.toThrow();
    expect(() => graph('g', () => ({ a: pair().left, b: pair.as('other')().right }))).not.toThrow();
  });

  test('one with a leaf step in a nested graph', () => {
    expectRefusal(
      () =>
        graph('outer', () =>
          graph('inner', () => {
            pair();
            return two();
          })(),
        ),
      'LEAF_STEP',
      'In graph "inner" nothing reads "pair"',
    );
  });

  test('but a nested graph whose outputs stay unused outside is fine', () => {
    const both = graph('both', () => ({ a: two(), b: two() }));
    const outer = graph('outer', () => {
      both();
      return both().a;
    });
    expect(outer.invocations).toHaveLength(2);
  });

  test('an op whose only reader is a leaf is not what is refused', () => {
    const { message } = expectRefusal(
      () =>
        graph('g', () => {
          addOne({ x: two() });
          return pair().left;
        }),
      'LEAF_STEP',
      '"add_one"',
    );
    expect(message).not.toContain('"two"');
  });

  test('an output of an op that nothing reads beside one that something reads is fine', () => {
    const made = op({ name: 'made', outputs: { read: output<number>(), unread: output<number>() }, run: () => ({ read: 1, unread: 2 }) });
    expect(() => graph('g', () => addOne({ x: made().read }))).not.toThrow();
  });
});
