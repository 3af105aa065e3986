import { asyncScheduler, EMPTY, from, map, mergeMap, type Observable, of, scheduled, Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { asset, define, emit, input, materialize, nothing, op, type Emission } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { declared, expectFailedStep, foreign, play, thenable, wanted } from '../rig/play-body.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

describe('a body may be written in any form, and emits the same', () => {
  const forms: Readonly<Record<string, object>> = {
    'a record': { run: () => ({ a: 1, b: 2 }) },
    'a promise of a record': { run: async () => ({ a: 1, b: 2 }) },
    'a thenable': { run: () => thenable((done) => done({ a: 1, b: 2 })) },
    'a record without a prototype': { run: () => Object.assign(Object.create(null), { a: 1, b: 2 }) },
    'a frozen record': { run: () => Object.freeze({ a: 1, b: 2 }) },
    'a generator': {
      *run() {
        yield emit('a', 1);
        yield emit('b', 2);
      },
    },
    'an async generator': {
      async *run() {
        yield emit('b', 2);
        await Promise.resolve();
        yield emit('a', 1);
      },
    },
    'a synchronous Observable': { run: () => of(emit('a', 1), emit('b', 2)) },
    'an asynchronous Observable': { run: () => scheduled([emit('a', 1), emit('b', 2)], asyncScheduler) },
    'a Subject that completes later': {
      run: () => {
        const subject = new Subject<Emission>();
        queueMicrotask(() => {
          subject.next(emit('a', 1));
          subject.next(emit('b', 2));
          subject.complete();
        });
        return subject;
      },
    },
    'an Observable of another library': {
      run: () =>
        foreign((observer) => {
          observer.next(emit('a', 1));
          observer.next(emit('b', 2));
          observer.complete();
          return { unsubscribe: () => undefined };
        }),
    },
    'an RxJS operator': { operator: (frames: Observable<object>) => frames.pipe(mergeMap(() => [emit('a', 1), emit('b', 2)])) },
    'an asynchronous RxJS operator': {
      operator: (frames: Observable<object>) =>
        frames.pipe(
          mergeMap(async () => emit('a', 1)),
          mergeMap((first) => [first, emit('b', 2)]),
        ),
    },
  };

  for (const [name, body] of Object.entries(forms)) {
    test(name, async () => {
      const { result } = await play({ ...body, outputs: wanted });
      expect(result.errors).toEqual([]);
      expect([result.value('a' as never), result.value('b' as never)]).toEqual([1, 2]);
    });
  }

  const singles: Readonly<Record<string, readonly [body: object, value: unknown]>> = {
    'a value': [{ run: () => 7 }, 7],
    'null (X11)': [{ run: () => null }, null],
    'a promise of null (X11)': [{ run: async () => null }, null],
    'a list': [{ run: () => [1, 2] }, [1, 2]],
    'a text': [{ run: () => 'text' }, 'text'],
    NaN: [{ run: () => NaN }, NaN],
    'a Map': [{ run: () => new Map([[1, 2]]) }, new Map([[1, 2]])],
    'a record whose fields look like outputs': [{ run: () => ({ result: 1 }) }, { result: 1 }],
    'a thenable that resolves twice and then throws': [
      {
        run: () =>
          thenable((done) => {
            done(1);
            done(2);
            throw new Error('late');
          }),
      },
      1,
    ],
    'an operator': [{ operator: (frames: Observable<object>) => frames.pipe(map(() => 5)) }, 5],
    'an asynchronous operator': [{ operator: (frames: Observable<object>) => frames.pipe(mergeMap(async () => 5)) }, 5],
    'an operator that emits undefined first (X11)': [{ operator: () => of(undefined, 5) }, 5],
  };
  for (const [name, [body, value]] of Object.entries(singles)) {
    test(`without declared outputs: ${name}`, async () => {
      const { result, store } = await play(body);
      expect(result.errors).toEqual([]);
      expect(result.value('result' as never)).toEqual(value);
      expect(await store.value('result')).toEqual(value);
    });
  }
});

describe('undefined is "not emitted" (X11)', () => {
  test.each<[string, object]>([
    ['a record', { run: () => ({ a: 1, b: undefined }) }],
    [
      'a generator',
      {
        run: function* () {
          yield emit('b', undefined);
          yield emit('a', 1);
        },
      },
    ],
    ['an Observable', { run: () => of(emit('b', undefined), emit('a', 1)) }],
    ['an operator', { operator: () => of(emit('b', undefined), emit('a', 1)) }],
  ])('%s: an optional output is absent then', async (_, body) => {
    const { result } = await play({ ...body, outputs: wanted });
    expect(Object.fromEntries(result.outcomes)).toEqual({ a: 'materialized', b: 'absent', other: 'materialized' });
  });

  test.each<[string, unknown]>([
    ['undefined instead of a record', () => undefined],
    ['a promise of undefined', async () => undefined],
    ['an empty record', () => ({})],
    ['undefined in the record', () => ({ a: undefined })],
    ['an empty generator', function* () {}],
    ['an empty async generator', async function* () {}],
    ['an empty Observable', () => EMPTY],
    ['only what is optional', () => of(emit('b', 1))],
  ])('a required output is missing then (X6): %s', async (_, body) => {
    expectFailedStep(await declared(body), 'OUTPUT_MISSING');
  });

  test('undefined does not count as an emission, so that a value may follow (X5)', async () => {
    const { result } = await declared(function* () {
      yield emit('a', undefined);
      yield emit('a', 1);
      yield emit('a', undefined);
    });
    expect(result.value('a' as never)).toBe(1);
  });
});

describe('a body that completes with undefined has emitted by completing (X11)', () => {
  const voids: Readonly<Record<string, object>> = {
    'a function': { run: () => undefined },
    'an async function': { run: async () => undefined },
    'an operator that only completes': { operator: () => EMPTY },
    'an operator that emits undefined': { operator: () => of(undefined) },
    'an asynchronous operator': { operator: () => from(Promise.resolve(undefined)) },
  };
  for (const [name, body] of Object.entries(voids)) {
    test(`${name}: its asset is recorded, with no value`, async () => {
      const { result, log, store } = await play(body);
      expect(result.outcome('result' as never)).toBe('materialized');
      const event = ofType(log, 'asset-materialized').find(({ key }) => key === 'result');
      expect(event).toMatchObject({ address: null, metadata: {} });
      expect(event?.version).toMatch(/^run:/);
      expect(await store.value('result')).toBeUndefined();
      expect(() => result.value('result' as never)).toThrow(expect.objectContaining({ code: 'NO_VALUE' }));
    });
  }

  test('its version is new in every run', async () => {
    const defs = define({ assets: [asset({ key: 'files', run: () => undefined })] });
    const store = memoryStore();
    await materialize(defs, { store });
    await materialize(defs, { store });
    const versions = ofType(await logOf(store), 'asset-materialized').map(({ version }) => version);
    expect(new Set(versions).size).toBe(2);
  });

  test('who only comes after it runs; in the same run, who reads it gets undefined', async () => {
    const files = op({ name: 'files', run: () => undefined });
    const after = op({ name: 'after', inputs: { files: nothing() }, run: (inputs) => Object.keys(inputs) });
    const reads = op({ name: 'reads', inputs: { files: input<undefined>() }, run: ({ files: got }) => [typeof got] });
    const defs = whole(() => {
      const made = files();
      return { made, after: after({ files: made }), reads: reads({ files: made }) };
    });
    const result = await materialize(defs);
    expect(result.value('after')).toEqual([]);
    expect(result.value('reads')).toEqual(['undefined']);
  });

  test('loading it into a value is MISSING_VALUE (N7), and order alone needs nothing', async () => {
    const files = define({
      assets: [
        asset({ key: 'files', run: () => undefined }),
        asset({ key: 'reads', inputs: { files: input<undefined>() }, run: () => 1 }),
        asset({ key: 'after', inputs: { files: nothing() }, run: () => 2 }),
      ],
    });
    const store = memoryStore();
    await materialize(files, { store, select: ['files'] });
    await expect(materialize(files, { store, select: ['reads'] })).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect((await materialize(files, { store, select: ['after'] })).value('after')).toBe(2);
  });
});
