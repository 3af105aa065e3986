import { describe, expect, test } from 'vitest';
import { StepError } from '../../../lib/kernel/errors.ts';
import {
  resource,
  type Needs,
  type Provision,
  type Resource,
  type ResourceContext,
  type ResourceFactory,
} from '../../../lib/model/resource.ts';
import { ResourceScope } from '../../../operators/resources/resource-scope.ts';
import { deferred, ready } from '../rig/deferred.ts';
import { untyped } from '../rig/untyped.ts';

const context: ResourceContext = { signal: new AbortController().signal, runId: 'run-1' };
const step = { id: 'fetch', op: 'fetch_pages' };
const [db, http, folder] = [resource('db'), resource('http'), resource('folder')];

function scopeOf(...provisions: readonly Provision[]): ResourceScope {
  return new ResourceScope({ provisions: new Map(provisions.map((each) => [each.resource.name, each])), context });
}

/** A resource with a factory that writes down what is done with it. */
function traced(of: Resource, trace: string[], factory: Partial<ResourceFactory<unknown>> = {}): Provision {
  return of.factory({
    open: () => {
      trace.push(`open ${of.name}`);
      return of.name;
    },
    dispose: (value) => void trace.push(`dispose ${String(value)}`),
    ...factory,
  });
}

/** What taking fails with, whether it throws or rejects. */
async function failureOf(scope: ResourceScope, needs: Needs): Promise<StepError> {
  const end: unknown = await taking(scope, needs).catch((error: unknown) => error);
  if (end instanceof StepError) return end;
  throw new Error('taking did not fail with a StepError', { cause: end });
}

async function taking(scope: ResourceScope, needs: Needs): Promise<Readonly<Record<string, unknown>>> {
  return scope.take(needs, step);
}

describe('taking', () => {
  test('a value is given as it is, at once, and is never disposed', async () => {
    const value = {
      [Symbol.dispose]: () => expect.unreachable(),
      [Symbol.asyncDispose]: () => expect.unreachable(),
    };
    const scope = scopeOf(db.value(value));
    expect(scope.take({ client: db }, step)).toEqual({ client: value });
    expect(await scope.dispose()).toEqual([]);
  });

  test('a value that is a promise is not waited for', () => {
    const promise = Promise.resolve(1);
    expect(scopeOf(db.value(promise)).take({ db }, step)).toHaveProperty('db', promise);
  });

  test('whoever needs nothing gets one frozen record, over and over, also when the run is over', async () => {
    const scope = scopeOf();
    const nothing = scope.take({}, step);
    expect(nothing).toEqual({});
    expect(Object.isFrozen(nothing)).toBe(true);
    expect(scopeOf().take({}, step)).toBe(nothing);
    await scope.dispose();
    expect(scope.take({}, step)).toBe(nothing);
  });

  test('a factory is opened on first use, with the run it is for, and once', () => {
    const seen: unknown[] = [];
    const scope = scopeOf(db.factory({ open: (given) => seen.push(given) }));
    expect(seen).toEqual([]);
    expect(scope.take({ db }, step)).toEqual({ db: 1 });
    expect(scope.take({ other: db }, step)).toEqual({ other: 1 });
    expect(seen).toEqual([context]);
  });

  test('nothing is disposed that nobody asked for, and nothing is opened to be disposed', async () => {
    const trace: string[] = [];
    const scope = scopeOf(traced(db, trace));
    expect(await scope.dispose()).toEqual([]);
    expect(trace).toEqual([]);
  });

  test('an op may call one resource by two names', () => {
    const trace: string[] = [];
    expect(scopeOf(traced(db, trace)).take({ from: db, to: db }, step)).toEqual({ from: 'db', to: 'db' });
    expect(trace).toEqual(['open db']);
  });

  test('what an op gets is frozen, at once and later', async () => {
    const scope = scopeOf(db.factory({ open: () => 1 }), http.factory({ open: async () => 2 }));
    expect(Object.isFrozen(scope.take({ db }, step))).toBe(true);
    expect(Object.isFrozen(await scope.take({ http }, step))).toBe(true);
  });

  test('any name can be used by an op, "__proto__" too', () => {
    const needs = Object.fromEntries([['__proto__', db]]);
    const taken = scopeOf(db.factory({ open: () => ({ deep: 1 }) })).take(needs, step);
    expect(Object.entries(taken)).toEqual([['__proto__', { deep: 1 }]]);
  });

  test('several are opened in declared order, one after the other', async () => {
    const trace: string[] = [];
    const slow = deferred<string>();
    const scope = scopeOf(
      traced(db, trace),
      traced(http, trace, { open: () => (trace.push('open http'), slow.promise) }),
      traced(folder, trace),
    );
    const taken = scope.take({ db, http, folder }, step);
    await ready();
    expect(trace).toEqual(['open db', 'open http']);
    slow.resolve('http');
    expect(await taken).toEqual({ db: 'db', http: 'http', folder: 'folder' });
    expect(trace).toEqual(['open db', 'open http', 'open folder']);
  });

  test('who asks while it is being opened waits for the same opening; who asks later gets it at once', async () => {
    const opening = deferred<object>();
    let opened = 0;
    const scope = scopeOf(db.factory({ open: () => ((opened += 1), opening.promise) }));
    const takers = [scope.take({ db }, step), scope.take({ db }, step)];
    expect(takers.every((taker) => taker instanceof Promise)).toBe(true);
    const value = {};
    opening.resolve(value);
    for (const taker of takers) expect((await taker)['db']).toBe(value);
    expect(scope.take({ db }, step)).toEqual({ db: value });
    expect(opened).toBe(1);
  });

  test('steps that need the same resources in another order do not wait for each other for ever', async () => {
    const [one, two] = [deferred<number>(), deferred<number>()];
    const scope = scopeOf(db.factory({ open: () => one.promise }), http.factory({ open: () => two.promise }));
    const takers = [scope.take({ db, http }, step), scope.take({ http, db }, step)];
    two.resolve(2);
    await ready();
    one.resolve(1);
    expect(await takers[0]).toEqual({ db: 1, http: 2 });
    expect(await takers[1]).toEqual({ db: 1, http: 2 });
  });

  test('who asks from inside a synchronous opening shares it', async () => {
    const inside: unknown[] = [];
    let opened = 0;
    const scope: ResourceScope = scopeOf(
      db.factory({
        open: () => {
          opened += 1;
          inside.push(scope.take({ db }, step));
          return 'db';
        },
      }),
    );
    expect(scope.take({ db }, step)).toEqual({ db: 'db' });
    expect(await Promise.all(inside)).toEqual([{ db: 'db' }]);
    expect(opened).toBe(1);
  });

  test.each([[undefined], [null], [0], [''], [false]])('%o is a value: it is opened once and disposed', async (value) => {
    for (const open of [() => value, async () => value]) {
      let opened = 0;
      const disposed: unknown[] = [];
      const scope = scopeOf(db.factory({ open: () => ((opened += 1), open()), dispose: (given) => void disposed.push(given) }));
      expect(await scope.take({ db }, step)).toEqual({ db: value });
      expect(scope.take({ db }, step)).toEqual({ db: value });
      expect(opened).toBe(1);
      expect(await scope.dispose()).toEqual([]);
      expect(disposed).toEqual([value]);
    }
  });

  test('anything that can be awaited is: a function with a "then" too', async () => {
    const later = Object.assign(() => undefined, { ['then']: (resolve: (value: string) => void) => resolve('db') });
    expect(await scopeOf(db.factory({ open: () => later as unknown as Promise<string> })).take({ db }, step)).toEqual({ db: 'db' });
  });

  test('a value whose "then" cannot be read is a value', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const disposed: unknown[] = [];
    const scope = scopeOf(db.factory({ open: () => proxy, dispose: (value) => void disposed.push(value) }));
    const taken = scope.take({ db }, step);
    expect(Object.is(untyped<Readonly<Record<string, unknown>>>(taken)['db'], proxy)).toBe(true);
    await scope.dispose();
    expect(disposed.length === 1 && Object.is(disposed[0], proxy)).toBe(true);
  });

  test('a resource that nobody provides is a bug of ours: planning refuses it', () => {
    expect(() => scopeOf().take({ db }, step)).toThrow('Sluice bug: a step needs the resource "db"');
  });

  test('an op that calls a resource "then" would hang, so it does not come this far', () => {
    expect(() => scopeOf(db.value(() => undefined)).take({ ['then']: db }, step)).toThrow('Sluice bug');
  });
});

describe('an opening that fails', () => {
  const boom = new Error('connection refused');
  const ways: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw boom;
    },
    rejects: () => Promise.reject(boom),
  };

  test.each(Object.entries(ways))('fails the step that needed it, and is tried again by the next: %s', async (_, failing) => {
    let attempts = 0;
    const scope = scopeOf(db.factory({ open: () => ((attempts += 1), attempts < 3 ? failing() : 'db') }));
    const error = await failureOf(scope, { client: db });
    expect(error.code).toBe('RESOURCE_FAILED');
    expect(error.message).toMatch(/^Step "fetch" could not open its resource "db": connection refused\. \S.*\.$/);
    expect(error.details).toEqual({ step: 'fetch', op: 'fetch_pages', resource: 'db' });
    expect(error.cause).toBe(boom);
    expect((await failureOf(scope, { db })).cause).toBe(boom);
    expect(scope.take({ db }, step)).toEqual({ db: 'db' });
    expect(attempts).toBe(3);
  });

  test('throws where open() throws, and rejects where it rejects', async () => {
    expect(() => scopeOf(db.factory({ open: () => ways['throws']?.() })).take({ db }, step)).toThrow(StepError);
    const later = scopeOf(db.factory({ open: () => ways['rejects']?.() })).take({ db }, step);
    expect(later).toBeInstanceOf(Promise);
    await expect(later).rejects.toThrow(StepError);
  });

  test('is shared by all who wait for it, each told in the name of its own step; a next one opens anew', async () => {
    const first = deferred<string>();
    let attempts = 0;
    const scope = scopeOf(db.factory({ open: () => ((attempts += 1), attempts === 1 ? first.promise : 'db') }));
    const takers = ['one', 'two'].map((id) => scope.take({ db }, { id, op: id }));
    const after = takers.map(async (taker) => {
      try {
        return await taker;
      } catch (error) {
        // Asked for in the very turn in which the failure is told.
        return [(error as StepError).details['step'], await scope.take({ db }, step)];
      }
    });
    first.reject(boom);
    expect(await Promise.all(after)).toEqual([
      ['one', { db: 'db' }],
      ['two', { db: 'db' }],
    ]);
    expect(attempts).toBe(2);
  });

  test('leaves open what was opened before it, and opens nothing after it', async () => {
    const trace: string[] = [];
    const scope = scopeOf(traced(db, trace), traced(http, trace, { open: () => Promise.reject(boom) }), traced(folder, trace));
    expect((await failureOf(scope, { db, http, folder })).details['resource']).toBe('http');
    expect(trace).toEqual(['open db']);
    expect(scope.take({ db }, step)).toEqual({ db: 'db' });
    await scope.dispose();
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('is never disposed', async () => {
    for (const failing of Object.values(ways)) {
      const scope = scopeOf(db.factory({ open: failing, dispose: () => expect.unreachable() }));
      await failureOf(scope, { db });
      expect(await scope.dispose()).toEqual([]);
    }
  });

  test.each([[undefined], [null], ['text'], [Object.create(null)]])('whatever is thrown: %o', async (thrown) => {
    const open = (): never => {
      throw thrown;
    };
    for (const failing of [open, async () => open()]) {
      const error = await failureOf(scopeOf(db.factory({ open: failing })), { db });
      expect(error.code).toBe('RESOURCE_FAILED');
      expect(error.cause).toBe(thrown);
    }
  });

  test('what is thrown may be a Proxy that refuses everything, and awaiting may throw', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const scope = scopeOf(
      db.factory({
        open: () => {
          throw proxy;
        },
      }),
      http.factory({ open: () => ({ ['then']: ways['throws'] }) }),
    );
    expect(Object.is((await failureOf(scope, { db })).cause, proxy)).toBe(true);
    expect((await failureOf(scope, { http })).cause).toBe(boom);
  });
});

describe('disposing', () => {
  test('disposes the last opened first, one after the other', async () => {
    const trace: string[] = [];
    const slow = deferred();
    const scope = scopeOf(
      traced(db, trace),
      traced(http, trace, { dispose: () => (trace.push('dispose http'), slow.promise) }),
      traced(folder, trace),
    );
    await scope.take({ db, http, folder }, step);
    const disposal = scope.dispose();
    await ready();
    expect(trace.slice(3)).toEqual(['dispose folder', 'dispose http']);
    slow.resolve();
    expect(await disposal).toEqual([]);
    expect(trace.slice(3)).toEqual(['dispose folder', 'dispose http', 'dispose db']);
  });

  test('the order is that in which they were there, not that in which they were asked for', async () => {
    const trace: string[] = [];
    const slow = deferred<string>();
    const scope = scopeOf(traced(db, trace, { open: () => slow.promise }), traced(http, trace));
    const taken = scope.take({ db }, step);
    await scope.take({ http }, step);
    slow.resolve('db');
    await taken;
    await scope.dispose();
    expect(trace).toEqual(['open http', 'dispose db', 'dispose http']);
  });

  test('one that throws or rejects keeps no other from being disposed, and comes back as data', async () => {
    const trace: string[] = [];
    const scope = scopeOf(
      traced(db, trace),
      http.factory({
        open: () => 1,
        dispose: () => {
          throw undefined;
        },
      }),
      folder.factory({ open: () => 2, dispose: () => Promise.reject('busy') }),
    );
    await scope.take({ db, http, folder }, step);
    const failures = await scope.dispose();
    expect(failures).toEqual([
      { resource: 'folder', thrown: 'busy' },
      { resource: 'http', thrown: undefined },
    ]);
    expect(Object.isFrozen(failures)).toBe(true);
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('twice is once, also from inside a disposal', async () => {
    const trace: string[] = [];
    const scope: ResourceScope = scopeOf(
      traced(db, trace, { dispose: () => (trace.push('dispose db'), void scope.dispose(), Promise.reject('no')) }),
    );
    await scope.take({ db }, step);
    const [first, second] = await Promise.all([scope.dispose(), scope.dispose()]);
    expect(first).toEqual([{ resource: 'db', thrown: 'no' }]);
    expect(second).toBe(first);
    expect(await scope.dispose()).toBe(first);
    expect(trace).toEqual(['open db', 'dispose db']);
  });

  test('calls what the factory calls dispose, and then nothing of the value itself', async () => {
    const disposed: unknown[] = [];
    const value = { [Symbol.dispose]: () => expect.unreachable(), [Symbol.asyncDispose]: () => expect.unreachable() };
    const scope = scopeOf(db.factory({ open: () => value, dispose: (given) => void disposed.push(given) }));
    await scope.take({ db }, step);
    expect(await scope.dispose()).toEqual([]);
    expect(disposed).toEqual([value]);
  });
});

describe('without a dispose', () => {
  /** The failures of disposing a value that a factory opened. */
  async function disposing(value: unknown): Promise<readonly unknown[]> {
    const scope = scopeOf(db.factory({ open: () => value }));
    await scope.take({ db }, step);
    return (await scope.dispose()).map(({ thrown }) => thrown);
  }

  test('the value disposes itself: asynchronously if it can, once, as itself', async () => {
    const trace: unknown[] = [];
    const both = {
      async [Symbol.asyncDispose](this: unknown): Promise<void> {
        await ready(2);
        trace.push(this);
      },
      [Symbol.dispose]: () => expect.unreachable(),
    };
    expect(await disposing(both)).toEqual([]);
    expect(trace).toEqual([both]);
  });

  test('a value that can only do so synchronously does that, a function or an instance too', async () => {
    let disposed = 0;
    class Client {
      [Symbol.dispose](): void {
        disposed += 1;
      }
    }
    const client = Object.assign(() => undefined, { [Symbol.dispose]: () => void (disposed += 1), [Symbol.asyncDispose]: null });
    expect(await disposing(new Client())).toEqual([]);
    expect(await disposing(client)).toEqual([]);
    expect(disposed).toBe(2);
  });

  test('what it throws, now or later, is the failure', async () => {
    const fails = (): never => {
      throw 'no';
    };
    expect(await disposing({ [Symbol.dispose]: fails })).toEqual(['no']);
    expect(await disposing({ [Symbol.dispose]: async () => fails() })).toEqual(['no']);
    expect(await disposing({ [Symbol.asyncDispose]: async () => fails() })).toEqual(['no']);
  });

  test('what cannot dispose itself is left alone', async () => {
    const useless = { [Symbol.asyncDispose]: 5, [Symbol.dispose]: () => expect.unreachable() };
    for (const value of [undefined, null, 0, 'text', Symbol('s'), {}, () => undefined, useless]) expect(await disposing(value)).toEqual([]);
  });

  test('a value that does not let itself be asked is a failure, and keeps no other from being disposed', async () => {
    const trace: string[] = [];
    const { proxy, revoke } = Proxy.revocable({}, {});
    const scope = scopeOf(traced(http, trace), db.factory({ open: () => proxy }));
    await scope.take({ http, db }, step);
    revoke();
    expect(await scope.dispose()).toEqual([{ resource: 'db', thrown: expect.any(TypeError) }]);
    expect(trace).toEqual(['open http', 'dispose http']);
  });
});

describe('when disposing has begun', () => {
  const over = /^Step "fetch" could not open its resource "db": the run is over\. \S.*\.$/;

  test('nothing is given any more: not what is open, nor values, nor what could be opened', async () => {
    const provisions = [db.value(1), db.factory({ open: () => 2 })];
    for (const provision of provisions) {
      const scope = scopeOf(provision);
      await scope.take({ db }, step);
      const disposal = scope.dispose();
      for (let again = 0; again < 2; again += 1) {
        const error = await failureOf(scope, { db });
        expect(error.code).toBe('RESOURCE_FAILED');
        expect(error.message).toMatch(over);
        expect(error.details).toEqual({ step: 'fetch', op: 'fetch_pages', resource: 'db' });
        await disposal;
      }
    }
    const untouched = scopeOf(db.factory({ open: () => expect.unreachable() }));
    void untouched.dispose();
    expect(() => untouched.take({ db }, step)).toThrow(over);
  });

  test('an opening that finishes late is disposed at once, and waited for; whoever waited for it fails', async () => {
    const trace: string[] = [];
    const [opening, closing, stuck] = [deferred<string>(), deferred(), deferred()];
    const scope = scopeOf(
      traced(http, trace, { dispose: () => stuck.promise }),
      db.factory({ open: () => opening.promise, dispose: (value) => (trace.push(`dispose ${value}`), closing.promise) }),
    );
    const failure = failureOf(scope, { http, db });
    let done = false;
    const disposal = scope.dispose().finally(() => (done = true));
    await ready();
    opening.resolve('late');
    await ready();
    expect(trace).toEqual(['open http', 'dispose late']);
    expect((await failure).message).toMatch(over);
    stuck.resolve();
    await ready();
    expect(done).toBe(false);
    closing.reject('stays');
    expect(await disposal).toEqual([{ resource: 'db', thrown: 'stays' }]);
    expect(trace).toEqual(['open http', 'dispose late']);
  });

  test('an opening that fails late is waited for and told to whoever waited', async () => {
    const opening = deferred();
    const scope = scopeOf(db.factory({ open: () => opening.promise, dispose: () => expect.unreachable() }));
    const failure = failureOf(scope, { db });
    let done = false;
    const disposal = scope.dispose().finally(() => (done = true));
    await ready();
    expect(done).toBe(false);
    opening.reject('refused');
    expect((await failure).cause).toBe('refused');
    expect(await disposal).toEqual([]);
  });

  test('a step does not go on to its next resource', async () => {
    const trace: string[] = [];
    const opening = deferred<string>();
    const scope = scopeOf(traced(db, trace, { open: () => opening.promise }), traced(http, trace));
    const failure = failureOf(scope, { db, http });
    void scope.dispose();
    opening.resolve('late');
    expect((await failure).message).toMatch(over);
    await scope.dispose();
    expect(trace).toEqual(['dispose late']);
  });

  test('from inside a synchronous opening: what it opens is disposed, and nobody gets it', async () => {
    const trace: string[] = [];
    const closing = deferred();
    let done = false;
    const scope: ResourceScope = scopeOf(
      traced(db, trace, {
        open: () => (void scope.dispose().finally(() => (done = true)), 'late'),
        dispose: (value) => (trace.push(`dispose ${String(value)}`), closing.promise),
      }),
    );
    expect(() => scope.take({ db }, step)).toThrow(over);
    expect(trace).toEqual(['dispose late']);
    await ready();
    expect(done).toBe(false);
    closing.resolve();
    expect(await scope.dispose()).toEqual([]);
    expect(trace).toEqual(['dispose late']);
  });

  test('what was opened in the very turn in which disposing begins is given to nobody', async () => {
    const trace: string[] = [];
    const opening = deferred<string>();
    const scope = scopeOf(traced(db, trace, { open: () => opening.promise }));
    const taken = failureOf(scope, { db });
    opening.resolve('db');
    void scope.dispose();
    expect((await taken).message).toMatch(over);
    await scope.dispose();
    expect(trace).toEqual(['dispose db']);
  });
});
