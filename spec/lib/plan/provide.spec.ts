import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, op, plan, resource, type Plan, type Provision, type Resource } from '../../../index.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { expectSelectionError } from './selection-refusal.ts';

const db = resource<string>('db');
const slack = resource<string>('slack');

const needing = (key: string, resources: Readonly<Record<string, Resource>> = {}) => asset({ key, resources, run: () => 1 });
const defs = (provided: readonly Provision[] = []) =>
  define({ assets: [needing('reads', { db }), needing('talks', { db, slack }), needing('plain')], resources: provided });

const provided = ({ resources }: Plan): unknown =>
  Object.fromEntries([...resources].map(([name, { from }]) => [name, from.form === 'value' ? from.value : from.form]));

describe('resources of a plan', () => {
  test('come from the definitions, and from the run before those', () => {
    const own = defs([db.value('theirs'), slack.factory({ open: () => 'x' })]);
    expect(provided(plan(own))).toEqual({ db: 'theirs', slack: 'factory' });
    expect(provided(plan(own, { resources: [db.value('mine')] }))).toEqual({ db: 'mine', slack: 'factory' });
    expect(provided(plan(own, { resources: [] }))).toEqual({ db: 'theirs', slack: 'factory' });
    expect(provided(plan(defs(), { resources: [slack.value('s'), db.value('mine')] }))).toEqual({ db: 'mine', slack: 's' });
  });

  test('may hold anything, undefined too', () => {
    expect(provided(plan(defs([untyped(db.value(untyped(undefined)))]), { select: ['reads'] }))).toEqual({ db: undefined });
  });

  test('are those that the steps of the plan need: nobody has to provide for others', () => {
    expect(provided(plan(defs(), { select: ['plain'] }))).toEqual({});
    expect(provided(plan(defs([db.value('d')]), { select: ['plain', 'reads'] }))).toEqual({ db: 'd' });
    expectSelectionError(() => plan(defs([db.value('d')]), { select: ['talks'] }), 'MISSING_RESOURCE', '"slack" (needed by "talks:talks")');
  });

  test('are missed with all who need them, and with what to do', () => {
    const error = expectSelectionError(
      () => plan(defs()),
      'MISSING_RESOURCE',
      'Nothing provides the resources "db" (needed by "reads:reads" and "talks:talks"), "slack" (needed by "talks:talks"). ' +
        'Provide it in define({ resources: […] }) or at the run: db.value(…) or .factory({ open }).',
    );
    expect(error.details).toEqual({
      missing: [
        { resource: 'db', steps: ['reads:reads', 'talks:talks'] },
        { resource: 'slack', steps: ['talks:talks'] },
      ],
    });
    expectSelectionError(() => plan(defs(), { select: ['reads'] }), 'MISSING_RESOURCE', 'Nothing provides the resource "db" (');
    expectSelectionError(() => plan(defs(), { resources: [db.value('d')] }), 'MISSING_RESOURCE', 'the resource "slack" (');
  });

  test('are missed once by a step that calls one by two names', () => {
    const twice = define({ assets: [needing('a', { main: db, replica: db })] });
    const error = expectSelectionError(() => plan(twice), 'MISSING_RESOURCE', '"db" (needed by "a").');
    expect(error.details).toEqual({ missing: [{ resource: 'db', steps: ['a'] }] });
  });

  test('are named up to eight where many are missed', () => {
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`r${index}`, resource<number>(`thing_${index}`)]));
    const error = expectSelectionError(
      () => plan(define({ assets: [needing('a', many)] })),
      'MISSING_RESOURCE',
      '"thing_7" (needed by "a") and 3 more.',
    );
    expect(error.message).not.toContain('thing_8');
    expect(error.details['missing']).toHaveLength(11);
  });

  test('are missed where one of the same, or of nearly the same name is provided', () => {
    const other = resource<string>('db');
    expectSelectionError(
      () => plan(defs([other.value('d')]), { select: ['reads'] }),
      'MISSING_RESOURCE',
      'Provided is "db", which is another resource.',
    );
    const misspelt = resource<string>('slak');
    expectSelectionError(
      () => plan(defs([db.value('d'), misspelt.value('s')])),
      'MISSING_RESOURCE',
      'Nothing provides the resource "slack" (needed by "talks:talks"). Provided is "slak", which is another resource.',
    );
  });
});

describe('resources that a run provides', () => {
  test('override nothing where nothing needs them: refused, with the nearest one, named once', () => {
    const error = expectSelectionError(
      () => plan(defs([db.value('d'), slack.value('s')]), { resources: [resource<string>('dbs').value('x')] }),
      'UNKNOWN_RESOURCE',
      '"resources" provides "dbs", which no op here needs. Did you mean "db"?',
    );
    expect(error.details).toEqual({ resource: 'dbs' });
    expectSelectionError(
      () => plan(define({ assets: [needing('plain')] }), { resources: [db.value('x')] }),
      'UNKNOWN_RESOURCE',
      'which no op here needs. There is none.',
    );
    expectSelectionError(
      () => plan(defs(), { resources: [resource<string>('something_else').value('x')] }),
      'UNKNOWN_RESOURCE',
      'There are "db" and "slack".',
    );
  });

  test('must be the very one that is needed under that name', () => {
    expectSelectionError(
      () => plan(defs([db.value('d'), slack.value('s')]), { resources: [resource<string>('db').value('x')] }),
      'UNKNOWN_RESOURCE',
      '"resources" provides "db", which is another resource than the one that ops here need under that name. Provide that very one.',
    );
  });

  test('may be needed by no step of the plan, only by one that is defined', () => {
    expect(provided(plan(defs(), { select: ['plain'], resources: [db.value('d')] }))).toEqual({ db: 'd' });
  });

  test('are a list of provisions, each of another resource', () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [5, '"resources" is a number. Give a list: [db.value(…), slack.factory({ open })].'],
      [{ db: 'x' }, '"resources" is an object. Give a list'],
      [null, '"resources" is null.'],
      [db.value('x'), '"resources" is an object.'],
      [[db], '"resources" has an object at 0 that provides nothing. Say where "db" comes from: value(…) or factory({ open }).'],
      [[db.value('x'), 'y'], '"resources" has a string at 1 that provides nothing. Make it with value() or factory() of a resource.'],
      [[undefined], '"resources" has undefined at 0 that provides nothing.'],
      [Array(1), '"resources" has undefined at 0 that provides nothing.'],
      [[db.value('x'), db.value('x')], '"resources" provides "db" twice. Keep one of them.'],
      [[db.value('x'), resource<string>('db').value('y')], '"resources" provides "db" twice.'],
    ];
    for (const [given, words] of cases) {
      const error = expectSelectionError(() => plan(defs(), { resources: untyped(given) }), 'INVALID_OPTION', words);
      expect(error.details).toEqual({ option: 'resources' });
    }
  });

  test('are kept in a map that nobody can change, and change nothing of the hash', () => {
    const one = plan(defs([slack.value('s')]), { resources: [db.value('a')] });
    expect(() => untyped<Map<string, unknown>>(one.resources).delete('db')).toThrow(TypeError);
    expect([...one.resources.values()].map((each) => Object.isFrozen(each) && Object.isFrozen(each.from))).toEqual([true, true]);
    expect(plan(defs([slack.value('s')]), { resources: [db.value('b')] }).hash).toBe(one.hash);
  });

  test('names are only names', () => {
    const odd = resource<string>('__proto__');
    const constructing = resource<string>('constructor');
    const named = define({
      assets: [needing('a', Object.fromEntries([['__proto__', odd]])), needing('b', { constructor: constructing })],
    });
    expectSelectionError(() => plan(named), 'MISSING_RESOURCE', '"__proto__" (needed by "a:a"), "constructor" (needed by "b:b")');
    const { resources } = plan(named, { resources: [odd.value('x'), constructing.value('y')] });
    expect([...resources.keys()]).toEqual(['__proto__', 'constructor']);
    expectSelectionError(() => plan(defs(), { resources: [odd.value('x')] }), 'UNKNOWN_RESOURCE', '"__proto__", which no op here needs.');
  });
});

test('what is nested deep is needed as what stands outside', () => {
  const leaf = op({ name: 'leaf', resources: { slack }, run: () => 1 });
  const inner = graph('inner', () => leaf());
  const outer = graph('outer', () => ({ x: inner.as('place')() }));
  const nested = define({ assets: [assetsFromGraph(outer)] });
  expectSelectionError(() => plan(nested), 'MISSING_RESOURCE', '"slack" (needed by "place.leaf")');
  expect(provided(plan(nested, { resources: [slack.value('s')] }))).toEqual({ slack: 's' });
});
