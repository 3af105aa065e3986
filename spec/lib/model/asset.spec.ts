import { of } from 'rxjs';
import { map } from 'rxjs/operators';
import { describe, expect, test } from 'vitest';
import { asset, define, input, list, materialize, source } from '../../../index.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const run = (): number => 1;

describe('asset', () => {
  test('is a definition of one asset, named after the key', () => {
    const made = asset({ key: ['a', 'b-c'], group: 'g', description: 'd', metadata: { x: 1 }, codeVersion: '3', timeoutMs: 5, run });
    expect(made.name).toBe('a/b-c');
    expect([...made.assets.values()]).toEqual([
      { key: 'a/b-c', output: 'result', notes: { group: 'g', description: 'd', metadata: { x: 1 } } },
    ]);
    expect(made.flat.steps.map(({ path, op }) => [path, op.name, op.codeVersion, op.timeoutMs, op.description])).toEqual([
      ['b-c', 'b-c', '3', 5, 'd'],
    ]);
  });

  test.each([
    ['a/b', 'b'],
    ['a/b c', 'b_c'],
    ['1/2', '_2'],
    ['🦊', '_'],
    ['-', '_-'],
    ['__proto__', '__proto__'],
    ['a.b', 'a_b'],
  ])('of the key %j has the step %s', (key, path) => {
    expect(asset({ key, run }).flat.steps[0]?.path).toBe(path);
  });

  test('takes another name for its op, and refuses one that is none', () => {
    expect(asset({ key: 'a', name: 'fetch', run }).flat.steps[0]?.path).toBe('fetch');
    expectRefusal(() => asset({ key: 'a', name: '1', run }), 'INVALID_NAME', '"1" is not a name for an op (asset "a")');
  });

  test('reads its upstream assets under the names of its inputs, or under the keys given', async () => {
    const defs = define({
      assets: [
        source<number>('raw/x'),
        asset({ key: 'a', run: () => 2 }),
        asset({
          key: 'b',
          inputs: { a: input<number>(), x: input<number>() },
          keysByInputName: { a: 'a', x: ['raw', 'x'] },
          run: ({ a, x }) => a * x,
        }),
        asset({ key: 'c', inputs: { b: list<number>() }, operator: (frames) => frames.pipe(map(({ b }) => b.length)) }),
      ],
    });
    const result = await materialize(defs, { sources: { 'raw/x': 21 } });
    expect([result.value('b'), result.value('c')]).toEqual([42, 1]);
  });

  test('keysByInputName has to name exactly its inputs', () => {
    expectRefusal(
      () => untyped(asset)({ key: 'a', inputs: { x: input() }, keysByInputName: { y: 'b' }, run }),
      'KEY_MAP_MISMATCH',
      '"keysByInputName" of definition "a" names "y"',
      'exactly "x"',
    );
    expectRefusal(() => untyped(asset)({ key: 'a', keysByInputName: { y: 'b' }, run }), 'KEY_MAP_MISMATCH', 'names "y"', 'exactly none');
  });

  test('has one body, which emits nothing', () => {
    expectRefusal(() => untyped(asset)({ key: 'a' }), 'INVALID_DEFINITION', 'op "a" has no body');
    expectRefusal(() => untyped(asset)({ key: 'a', run, operator: () => of(1) }), 'INVALID_DEFINITION', 'both "run" and "operator"');
  });

  test('under a key that is none is refused', () => {
    expectRefusal(() => asset({ key: 'a/', run }), 'INVALID_KEY', 'asset()', 'one part is empty');
  });
});
