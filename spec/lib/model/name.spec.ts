import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { define, assetsFromGraph, graph, input, materialize, op, output } from '../../../index.ts';
import { checkName } from '../../../lib/model/name.ts';
import { two } from './ops.ts';
import { expectRefusal } from './refusal.ts';

const bad = ['', ' ', 'a b', 'a.b', 'a/b', '1a', '-a', 'é', 'a:b', 'a\n', '🦊', 'a,b', '"'];

describe('a name', () => {
  test('is a letter, "_" or "$", then letters, digits, "_", "$" or "-"', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '_', '$', '0', '9', '-'), maxLength: 6 }), (name) => {
        let refused = false;
        try {
          checkName('op', name, 'here');
        } catch {
          refused = true;
        }
        expect(refused).toBe(!/^[A-Za-z_$]/.test(name));
      }),
    );
  });

  test.each(bad)('%j is refused for an op, a graph, an input, an output and an invocation, which is told apart', (name) => {
    const run = (): number => 1;
    expectRefusal(() => op({ name, run }), 'INVALID_NAME', JSON.stringify(name), 'an op', 'in op()', 'Use a letter');
    expectRefusal(() => graph(name, () => two()), 'INVALID_NAME', 'a graph', 'in graph()');
    expectRefusal(() => op({ name: 'clean', inputs: { [name]: input() }, run }), 'INVALID_NAME', 'an input', 'op "clean"');
    expectRefusal(() => op({ name: 'clean', outputs: { [name]: output() }, run: () => ({}) }), 'INVALID_NAME', 'an output', 'op "clean"');
    expectRefusal(() => graph('g', { inputs: { [name]: input() } }, () => two()), 'INVALID_NAME', 'an input', 'graph "g"');
    expectRefusal(() => graph('g', () => ({ [name]: two() })), 'INVALID_NAME', 'an output', 'graph "g"');
    expectRefusal(() => two.as(name), 'INVALID_NAME', 'an invocation', 'op "two"');
  });

  test.each([
    'toString',
    'constructor',
    'then',
    '__proto__',
    'hasOwnProperty',
    'name',
    'length',
    'prototype',
    'as',
    'kind',
    'result',
    '$',
    '_',
  ])('%s is one like any other, from the op to the asset', async (name) => {
    const made = op({ name, outputs: { [name]: output<number>() }, run: () => Object.fromEntries([[name, 1]]) });
    const double = op({ name: 'double', inputs: { [name]: input<number>() }, run: (inputs) => (inputs[name] ?? 0) * 2 });
    const g = graph(name, () => {
      const handle = made()[name];
      if (handle === undefined) throw new Error('the output has a handle');
      return Object.fromEntries([
        [name, handle],
        ['doubled', double.as(`${name}_2`)(Object.fromEntries([[name, handle]]))],
      ]);
    });
    const defs = define({
      assets: [
        assetsFromGraph(g, {
          keysByOutputName: Object.fromEntries([
            [name, name],
            ['doubled', ['x', name]],
          ]),
        }),
      ],
    });
    expect([...defs.assets.keys()]).toEqual([name, `x/${name}`]);
    const result = await materialize(defs);
    expect([result.value(name), result.value(`x/${name}`)]).toEqual([1, 2]);
  });
});
