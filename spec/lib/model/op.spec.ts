import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, input, materialize, op, output } from '../../../index.ts';
import { isOp } from '../../../lib/model/op.ts';
import { two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const run = (): number => 1;

describe('op', () => {
  test('without outputs has one, result, which is what an invocation gives', () => {
    expect({ ...two }).toMatchObject({ kind: 'op', single: true, declaresOutputs: false, outputNames: ['result'] });
  });

  test('with outputs, even one, gives a record of handles', () => {
    const one = op({ name: 'one', outputs: { result: output<number>() }, run: () => ({ result: 1 }) });
    expect({ ...one }).toMatchObject({ single: false, declaresOutputs: true, outputNames: ['result'] });
    graph('g', () => {
      const handles = one();
      expect(Object.keys(handles)).toEqual(['result']);
      expect(Object.isFrozen(handles)).toBe(true);
      return handles;
    });
  });

  test('keeps what it was given, and is frozen', () => {
    const made = op({ name: 'a', description: 'does', codeVersion: '7', timeoutMs: 10, inputs: { x: input() }, run });
    expect(made.name).toBe('a');
    expect({ ...made }).toMatchObject({ description: 'does', codeVersion: '7', timeoutMs: 10 });
    expect(Object.isFrozen(made)).toBe(true);
    expect(
      Object.isFrozen(made.inputs) && Object.isFrozen(made.outputs) && Object.isFrozen(made.outputNames) && Object.isFrozen(made.body),
    ).toBe(true);
    expect(() => untyped(Object.assign)(made, { kind: 'graph' })).toThrow(TypeError);
  });

  test('calls its body with the definition as `this`', async () => {
    const seen: unknown[] = [];
    const definition = {
      name: 'a',
      run(this: unknown): number {
        seen.push(this);
        return 1;
      },
    };
    const g = graph('g', () => op(definition)());
    await materialize(define({ assets: [assetsFromGraph(g)] }));
    expect(seen).toEqual([definition]);
  });

  test('has one body', () => {
    const operator = (): unknown => of(1);
    expectRefusal(
      () => untyped(op)({ name: 'a', run, operator }),
      'INVALID_DEFINITION',
      'op "a" has both "run" and "operator"',
      'Keep one',
    );
    expectRefusal(() => untyped(op)({ name: 'a' }), 'INVALID_DEFINITION', 'op "a" has no body: "run" is undefined', 'Give "run"');
    expectRefusal(() => untyped(op)({ name: 'a', operator: 5 }), 'INVALID_DEFINITION', 'op "a" has no body: "operator" is a number');
  });

  test('refuses an empty record of outputs', () => {
    expectRefusal(
      () => untyped(op)({ name: 'a', outputs: {}, run }),
      'INVALID_DEFINITION',
      'op "a" declares an empty "outputs"',
      'Leave it out',
    );
  });

  test.each([0, -1, NaN, Infinity, 2 ** 31, '5', {}, Object.create(null)])('refuses timeoutMs %s', (timeoutMs) => {
    expectRefusal(
      () => untyped(op)({ name: 'a', run, timeoutMs }),
      'INVALID_DEFINITION',
      'op "a": "timeoutMs" is',
      'milliseconds above 0 and below 2^31',
    );
  });

  test.each(['description', 'codeVersion'])('refuses a %s that is no string', (field) => {
    expectRefusal(
      () => untyped(op)({ name: 'a', run, [field]: 5 }),
      'INVALID_DEFINITION',
      `op "a": "${field}" is a number`,
      'Give a string',
    );
  });

  test('is told from everything else', () => {
    expect([two, graph('g', () => two()), () => 1, {}, null, asset].map(isOp)).toEqual([true, false, false, false, false, false]);
  });

  test('cannot be called outside of a graph, also not after a graph or in what a graph left to later', async () => {
    const outside = ['op "two"', "outside of a graph's body", "graph('…', () => { … })"] as const;
    expectRefusal(() => two(), 'OUTSIDE_GRAPH', ...outside);
    expectRefusal(() => two.as('x')(), 'OUTSIDE_GRAPH', ...outside);
    let later: () => unknown = () => undefined;
    graph('g', () => {
      later = () => two();
      return two();
    });
    expectRefusal(() => later(), 'OUTSIDE_GRAPH', ...outside);
    await Promise.resolve();
    expectRefusal(() => graph('g', () => two()) && two(), 'OUTSIDE_GRAPH', ...outside);
  });
});
