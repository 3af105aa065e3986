import { describe, expect, test } from 'vitest';
import { asset, assetsFromGraph, define, graph, op, resource, type Provision, type ResourceFactory } from '../../../index.ts';
import { isProvision, isResource, readProvisions } from '../../../lib/model/resource.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const db = resource<string>('db', { description: 'where rows are' });

describe('a resource', () => {
  test('has a name and a description, and is frozen', () => {
    expect(db).toMatchObject({ kind: 'resource', name: 'db', description: 'where rows are' });
    expect(resource('bare').description).toBeUndefined();
    expect(Object.isFrozen(db)).toBe(true);
    expect(isResource(db)).toBe(true);
  });

  test('provides a value as it is: it stays whose it is', () => {
    const client = { open: true };
    const provision = resource<typeof client>('client').value(client);
    expect(provision.from).toEqual({ form: 'value', value: client });
    expect(provision.from.form === 'value' && provision.from.value === client).toBe(true);
    expect(Object.isFrozen(client)).toBe(false);
    expect([provision, provision.from].map(Object.isFrozen)).toEqual([true, true]);
  });

  test('provides a factory, as it was when it was given', () => {
    const factory = { open: () => 'x' };
    const provision = db.factory(factory);
    factory.open = () => 'other';
    expect(provision.resource).toBe(db);
    expect(provision.from.form === 'factory' && provision.from.factory.open({ signal: new AbortController().signal, runId: 'r' })).toBe(
      'x',
    );
    expect(isProvision(provision)).toBe(true);
  });

  test('provides an instance as its factory, which is called on it, as it was when it was given', async () => {
    class Base implements ResourceFactory<string> {
      readonly #closed: string[] = [];
      readonly folder: string = '/tmp';
      open(): string {
        return this.folder;
      }
      dispose(value: string): void {
        this.#closed.push(value);
      }
      closed(): readonly string[] {
        return this.#closed;
      }
    }
    class Other extends Base {
      override readonly folder = '/other';
    }
    const given = new Other();
    const { from } = db.factory(given);
    given.open = () => 'changed';
    if (from.form !== 'factory') throw new Error('it is a factory');
    const opened = await from.factory.open({ signal: new AbortController().signal, runId: 'r' });
    await from.factory.dispose?.(opened);
    expect([opened, given.closed()]).toEqual(['/other', ['/other']]);
  });

  test('calls the factory of a record on the record', () => {
    const factory = {
      open(): unknown {
        return this;
      },
    };
    const { from } = resource('any').factory(factory);
    expect(from.form === 'factory' && from.factory.open({ signal: new AbortController().signal, runId: 'r' })).toBe(factory);
  });

  test('is opened with nothing until somebody asks', () => {
    let opened = 0;
    const provision = db.factory({
      open: () => {
        opened += 1;
        return 'x';
      },
    });
    define({ assets: [asset({ key: 'a', resources: { db }, run: () => 1 })], resources: [provision] });
    expect(opened).toBe(0);
  });

  test('is refused with a name that is none, or an option that there is not', () => {
    for (const name of ['', 'a b', '1st', 'a/b']) expectRefusal(() => resource(name), 'INVALID_NAME');
    expectRefusal(() => untyped(resource)(5), 'INVALID_NAME');
    expectRefusal(
      () => untyped(resource)('db', { descripton: 'x' }),
      'INVALID_DEFINITION',
      'resource "db" has no option "descripton"',
      '"description"',
    );
    expectRefusal(() => untyped(resource)('db', 'x'), 'INVALID_DEFINITION', 'resource "db"', 'a string');
    expectRefusal(() => untyped(resource)('db', { description: 5 }), 'INVALID_DEFINITION', '"description" is a number');
  });

  test('refuses a factory that cannot open or dispose', () => {
    const cases: readonly (readonly [unknown, ...(readonly string[])])[] = [
      [undefined, 'got undefined'],
      [() => 'x', 'got a function'],
      [{}, '"open" is undefined. Give a function.'],
      [{ open: 'x' }, '"open" is a string.'],
      [{ open: class Client {} }, '"open" is a class.'],
      [{ open: () => 'x', dispose: 5 }, '"dispose" is a number.'],
      [{ open: () => 'x', close: () => undefined }, 'has no option "close"'],
      [{ open: () => 'x', dispos: () => undefined }, 'has no option "dispos". Did you mean "dispose"?'],
      [new Map(), 'got a Map, which has none of the methods "open" and "dispose". Give an object that has.'],
      [
        new (class Closer {
          dispose(): void {}
        })(),
        '"open" is undefined. Give a function.',
      ],
      [
        Object.assign(
          new (class Opener {
            open(): string {
              return 'x';
            }
          })(),
          { dispose: 5 },
        ),
        '"dispose" is a number.',
      ],
    ];
    const provide = untyped((factory: never) => db.factory(factory));
    for (const [factory, ...words] of cases)
      expectRefusal(() => provide(factory), 'INVALID_DEFINITION', 'factory() of resource "db"', ...words);
    expect(isProvision(provide({ open: () => 'x', dispose: undefined }))).toBe(true);
  });
});

describe('what only looks like one is none', () => {
  const impostors = [undefined, null, 5, 'db', [], {}, { kind: 'resource' }, { kind: 'resource', name: 'db' }, () => db, new Map()];

  test('neither as a resource nor as a provision', () => {
    for (const each of impostors) {
      expect(isResource(each)).toBe(false);
      expect(isProvision(each)).toBe(false);
      expect(isProvision({ kind: 'provision', resource: each })).toBe(false);
    }
    expect(isProvision(db)).toBe(false);
    expect(isResource(db.value('x'))).toBe(false);
  });
});

describe('the resources of an op', () => {
  const needs = (resources: unknown): unknown => untyped(op)({ name: 'a', resources, run: () => 1 });

  test('are copied and frozen', () => {
    const given: Record<string, typeof db> = { main: db };
    const made = op({ name: 'a', resources: given, run: () => 1 });
    given['other'] = db;
    expect(made.resources).toEqual({ main: db });
    expect(Object.isFrozen(made.resources)).toBe(true);
    expect(op({ name: 'b', run: () => 1 }).resources).toEqual({});
  });

  test('are a record of resources, by names', () => {
    const cases: readonly (readonly [unknown, ...(readonly string[])])[] = [
      [[db], '"resources" is an array. Write a record of name to resource.'],
      ['db', '"resources" is a string.'],
      [null, '"resources" is null.'],
      [{ db: undefined }, `resource "db" is undefined. Make it with resource('db').`],
      [{ db: 'x' }, `resource "db" is a string. Make it with resource('db').`],
      [{ db: db.value('x') }, 'Declare the resource itself here, and provide it in define() or at the run.'],
      [{ [['th', 'en'].join('')]: db }, 'no resource can be called "then"'],
    ];
    for (const [given, ...words] of cases) expectRefusal(() => needs(given), 'INVALID_DEFINITION', 'op "a"', ...words);
    expectRefusal(() => needs({ 'a b': db }), 'INVALID_NAME', 'a b');
  });

  test('may have any name that is one', () => {
    const made = op({ name: 'a', resources: Object.fromEntries([['__proto__', db]]), run: () => 1 });
    expect(Object.keys(made.resources)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(made.resources)).toBe(Object.prototype);
  });
});

describe('a list of provisions', () => {
  test('is read by name, in order', () => {
    const [one, other] = [db.value('x'), resource<number>('n').value(1)];
    const read = readProvisions([other, one]);
    expect('provisions' in read && [...read.provisions]).toEqual([
      ['n', other],
      ['db', one],
    ]);
  });

  test('is checked by define', () => {
    const defined = (resources: unknown): unknown => untyped(define)({ assets: [asset({ key: 'a', run: () => 1 })], resources });
    const cases: readonly (readonly [unknown, string])[] = [
      [5, 'define(): "resources" is a number. Give a list'],
      [{ db: 'x' }, 'define(): "resources" is an object.'],
      [[db], 'define(): "resources" has an object at 0 that provides nothing. Say where "db" comes from'],
      [[db.value('x'), 5], 'has a number at 1 that provides nothing.'],
      [[db.value('x'), db.factory({ open: () => 'y' })], 'define(): "resources" provides "db" twice. Keep one of them.'],
    ];
    for (const [given, words] of cases) expectRefusal(() => defined(given), 'INVALID_DEFINITION', words);
    const provisions: readonly Provision[] = [db.value('x')];
    expect([...define({ assets: [], resources: provisions }).resources.keys()]).toEqual(['db']);
    expect(define({ assets: [] }).resources.size).toBe(0);
  });
});

describe('two resources of one name', () => {
  const other = resource<number>('db');

  test('are refused where steps of one set of definitions need both', () => {
    const error = expectRefusal(
      () =>
        define({
          assets: [asset({ key: 'a', resources: { db }, run: () => 1 }), asset({ key: 'b', resources: { x: other }, run: () => 1 })],
        }),
      'NAME_CONFLICT',
      'Steps "a:a" and "b:b" need two different resources named "db".',
      'Share one resource("db") between their ops, or rename one.',
    );
    expect(error.details).toEqual({ resource: 'db', steps: ['a:a', 'b:b'] });
    expectRefusal(
      () => define({ assets: [asset({ key: 'a', resources: { one: db, two: other }, run: () => 1 })] }),
      'NAME_CONFLICT',
      '"a" and "a"',
    );
    const nested = graph('outer', () => ({
      x: op({ name: 'one', resources: { db }, run: () => 1 })(),
      y: graph('inner', () => op({ name: 'two', resources: { db: other }, run: () => 1 })())(),
    }));
    expectRefusal(() => define({ assets: [assetsFromGraph(nested)] }), 'NAME_CONFLICT', '"one" and "inner.two"');
  });

  test('are no conflict where one is shared', () => {
    const assets = ['a', 'b'].map((key) => asset({ key, resources: { db, again: db }, run: () => 1 }));
    expect(define({ assets }).graph.steps).toHaveLength(2);
  });
});
