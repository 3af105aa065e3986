import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, graph, op, type Hooks } from '../../../index.ts';
import { checkHooks, hookOf, isHooks } from '../../../lib/model/hooks.ts';
import { untyped } from '../../operators/rig/untyped.ts';

const hook = (): void => undefined;
const all = { onSuccess: hook, onFailure: hook, onSkip: hook, onMaterialization: hook };

/** Every place where hooks are written down, with how messages call it. */
const places: readonly [string, (hooks: unknown) => unknown][] = [
  ['op "a"', (hooks) => op({ name: 'a', hooks: untyped<Hooks>(hooks), run: () => 1 }).hooks],
  ['graph "g"', (hooks) => graph('g', { hooks: untyped<Hooks>(hooks) }, () => op({ name: 'a', run: () => 1 })()).hooks],
  [
    'output "result" of definition "my/key"',
    (hooks) =>
      asset({ key: 'my/key', hooks: untyped<Hooks>(hooks), run: () => 1 })
        .assets.values()
        .next().value?.hooks,
  ],
  [
    'output "result" of definition "g"',
    (hooks) =>
      assetsFromGraph(
        graph('g', () => op({ name: 'a', run: () => 1 })()),
        { hooks: { result: untyped<Hooks>(hooks) } },
      )
        .assets.values()
        .next().value?.hooks,
  ],
];

describe.each(places)('hooks of %s', (where, read) => {
  test('are copied and frozen', () => {
    const given: Record<string, unknown> = { onSuccess: hook };
    const kept = read(given);
    expect(kept).toEqual({ onSuccess: hook });
    expect(Object.isFrozen(kept)).toBe(true);
    given['onSkip'] = hook;
    expect(kept).toEqual({ onSuccess: hook });
  });

  test('may be all four, none, or left undefined one by one', () => {
    expect(read(all)).toEqual(all);
    expect(read({})).toEqual({});
    expect(read({ onSkip: undefined })).toEqual({ onSkip: undefined });
    expect(read(undefined)).toBeUndefined();
  });

  test.each([
    ['null', null, 'null'],
    ['a function', hook, 'a function'],
    ['a list', [hook], 'an array'],
    ['a misspelt hook', { onSucces: hook }, 'Did you mean "onSuccess"?'],
    ['a name that every object has', { toString: hook }, 'toString'],
    ['a hook that is text', { onSkip: 'log' }, '"onSkip" is a string. Give a function.'],
    ['a hook that is null', { onFailure: null }, '"onFailure" is null. Give a function.'],
    ['a class', { onSuccess: class {} }, 'Give a function.'],
  ])('are refused where they are written: %s', (_, given, said) => {
    expect(() => read(given)).toThrow(expect.objectContaining({ code: 'INVALID_DEFINITION' }));
    expect(() => read(given)).toThrow(said);
    expect(() => read(given)).toThrow(where);
  });
});

/** Counts in a private field, so that it fails where `this` is anything else. */
class Audit {
  #count = 0;
  readonly folder = '/tmp';
  onSuccess(): number {
    this.#count += 1;
    return this.#count;
  }
}

class LoudAudit extends Audit {
  onSkip = (): string => this.folder;
}

describe.each(places)('an instance as hooks of %s', (where, read) => {
  test('gives its methods, own and inherited, which are called on it', () => {
    const kept = untyped<Hooks>(read(new LoudAudit()));
    expect(Object.keys(kept).sort()).toEqual(['onSkip', 'onSuccess']);
    expect([hookOf(kept, 'onSuccess')?.({}), hookOf(kept, 'onSuccess')?.({}), hookOf(kept, 'onSkip')?.({})]).toEqual([1, 2, '/tmp']);
    expect(hookOf(kept, 'onFailure')).toBeUndefined();
  });

  test('is kept as it was when it was given', () => {
    const audit = new Audit();
    const kept = untyped<Hooks>(read(audit));
    audit.onSuccess = () => -1;
    expect(hookOf(kept, 'onSuccess')?.({})).toBe(1);
  });

  test('may be given again by what was copied from it', () => {
    const kept = untyped<Hooks>(read(read(new Audit())));
    expect(hookOf(kept, 'onSuccess')?.({})).toBe(1);
  });

  test.each([
    ['no hooks at all', new Map(), 'got a Map, which has none of the methods "onSuccess"'],
    ['a promise', Promise.resolve({ onSuccess: hook }), 'got a promise, which has none of'],
    ['a hook that is none', Object.assign(new Audit(), { onSkip: 5 }), '"onSkip" is a number. Give a function.'],
  ])('is refused where it has %s', (_, given, said) => {
    expect(() => read(given)).toThrow(expect.objectContaining({ code: 'INVALID_DEFINITION' }));
    expect(() => read(given)).toThrow(`"hooks" of ${where}`);
    expect(() => read(given)).toThrow(said);
  });
});

test('hooks of a record are called on the record, as they were when it was given', () => {
  const on: unknown[] = [];
  const record = {
    onSuccess(this: unknown) {
      on.push(this);
    },
  };
  const kept = untyped<Hooks>(checkHooks(record, 'op "a"'));
  record.onSuccess = () => on.push('the other');
  hookOf(kept, 'onSuccess')?.({});
  expect(on).toHaveLength(1);
  expect(on[0]).toBe(record);
});

describe('hooks of an output', () => {
  test('that the graph does not have are refused, with the nearest name', () => {
    const g = graph('g', () => ({ rows: op({ name: 'a', run: () => 1 })() }));
    expect(() => assetsFromGraph(g, untyped({ hooks: { rws: all } }))).toThrow('rows');
  });
});

test('a refusal names what was refused', () => {
  expect(() => checkHooks({ onSkip: 1 }, 'op "a"')).toThrow(
    expect.objectContaining({
      message: '"hooks" of op "a": "onSkip" is a number. Give a function.',
      details: { where: 'op "a"', option: 'onSkip' },
    }),
  );
});

describe('what a run takes as hooks', () => {
  test.each<[string, unknown, boolean]>([
    ['all four', all, true],
    ['none', {}, true],
    ['one left undefined', { onSkip: undefined }, true],
    ['an instance with hooks', new LoudAudit(), true],
    ['an instance without', new Map(), false],
    ['undefined', undefined, false],
    ['null', null, false],
    ['a list', [], false],
    ['a function', hook, false],
    ['a misspelt hook', { onskip: hook }, false],
    ['a name that every object has', { toString: hook }, false],
    ['a hook that is none', { onSkip: 1 }, false],
    ['a class, which nobody can call', { onSkip: class {} }, false],
  ])('%s: %s', (_, given, wanted) => expect(isHooks(given)).toBe(wanted));
});
