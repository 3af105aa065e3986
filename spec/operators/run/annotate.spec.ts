import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { asset, define, emit, input, link, markdown, materialize, metadataKind, op, optional, output, table } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import type { OpContext } from '../../../index.ts';
import { newStore } from '../../store/folder.ts';
import { expectFailedStep, play } from '../rig/play-body.ts';
import { untyped } from '../rig/untyped.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';
import { handMade, hastyClock } from './schemas-rig.ts';

type Context = OpContext<string>;
const outputs = { a: output<number>(), b: optional<number>() };

/** What the log has of the metadata of each asset, for a body with outputs `a` and `b`. */
async function recorded(body: object): Promise<Readonly<Record<string, unknown>>> {
  const { log, result } = await play({ outputs, ...body }, hastyClock());
  expect(result.errors).toEqual([]);
  return Object.fromEntries(ofType(log, 'asset-materialized').map(({ key, metadata }) => [key, metadata]));
}

describe('annotate', () => {
  const annotates = ({ annotate }: Context): void => {
    annotate('a', { metadata: { rows: 1, kept: true } });
    annotate('b', { metadata: { other: 1 } });
    annotate('a', { metadata: { rows: 2 } });
  };
  const forms: Readonly<Record<string, object>> = {
    'a record': {
      run: (_: unknown, context: Context) => {
        annotates(context);
        return { a: 1, b: 2 };
      },
    },
    'a promise': {
      run: async (_: unknown, context: Context) => {
        await Promise.resolve();
        annotates(context);
        return { a: 1, b: 2 };
      },
    },
    'a generator': {
      *run(_: unknown, context: Context) {
        annotates(context);
        yield emit('a', 1);
        yield emit('b', 2);
      },
    },
    'an async generator': {
      async *run(_: unknown, context: Context) {
        annotates(context);
        yield emit('a', 1);
        yield emit('b', 2);
      },
    },
    'an operator': {
      operator: (_: unknown, context: Context) => {
        annotates(context);
        return of(emit('a', 1), emit('b', 2));
      },
    },
  };
  test.each(Object.entries(forms))('says of the outputs of %s what is recorded with them', async (_, body) => {
    expect(await recorded(body)).toEqual({ a: { rows: 2, kept: true }, b: { other: 1 }, other: {} });
  });

  test('loses against the emission, name by name', async () => {
    const made = await recorded({
      *run(_: unknown, { annotate }: Context) {
        annotate('a', { metadata: { one: 1, two: 1 } });
        yield emit('a', 1, { metadata: { two: 2 } });
        annotate('b', { metadata: { late: true } });
        yield emit('b', 2);
      },
    });
    expect(made).toEqual({ a: { one: 1, two: 2 }, b: { late: true }, other: {} });
  });

  test('is forgotten where the output does not emit, and where the attempt failed', async () => {
    expect(
      await recorded({
        retry: { max: 1 },
        run: (_: unknown, { annotate, attempt }: Context) => {
          annotate('a', { metadata: { [`attempt ${attempt}`]: true } });
          annotate('b', { metadata: { never: true } });
          if (attempt === 1) throw new Error('again');
          return { a: 1 };
        },
      }),
    ).toEqual({ a: { 'attempt 2': true }, other: {} });
  });

  test('is there for a result that lives elsewhere, without a value to read (X11)', async () => {
    const store = memoryStore();
    const defs = define({
      assets: [asset({ key: 'files', run: async (_, { annotate }) => annotate('result', { metadata: { rows: 12 }, version: 'etag-1' }) })],
    });
    await materialize(defs, { store });
    expect(await store.latest('files')).toMatchObject({ metadata: { rows: 12 }, version: 'user:etag-1', address: null });
  });

  const refusals: readonly (readonly [string, string, (context: Context) => void])[] = [
    ['of an output that the op does not have', 'OUTPUT_UNDECLARED', ({ annotate }) => annotate('c', {})],
    ['with an option that there is not', 'OP_BODY', ({ annotate }) => annotate('a', untyped({ meta: 1 }))],
    ['with a wrong version', 'OP_BODY', ({ annotate }) => annotate('a', { version: '' })],
    ['without options', 'OP_BODY', ({ annotate }) => untyped<(output: string) => void>(annotate)('a')],
    ['with metadata that is a list', 'OP_BODY', ({ annotate }) => annotate('a', { metadata: untyped([1]) })],
    ['with metadata that no store can keep', 'VALUE_NOT_STORABLE', ({ annotate }) => annotate('a', { metadata: { f: () => 1 } })],
  ];
  test.each(refusals)('%s fails the step with %s, although the body catches what it throws', async (_, code, wrong) => {
    const plain = await play({
      outputs,
      run: untyped((__: unknown, context: Context) => {
        try {
          wrong(context);
        } catch {
          // As a body would that does not care.
        }
        return { a: 1, b: 2 };
      }),
    });
    expectFailedStep(plain, code);
    const rejected = await play({
      outputs,
      run: untyped(async (__: unknown, context: Context) => {
        await Promise.resolve();
        try {
          wrong(context);
        } catch {
          throw new Error('hides it');
        }
        return { a: 1 };
      }),
    });
    expectFailedStep(rejected, code);
  });

  test('after the emission fails the step, although the body catches it, while a schema looks too', async () => {
    for (const schema of [handMade((value) => ({ value })), handMade(async (value) => ({ value }))]) {
      const late = await play({
        outputs: { a: output(schema), b: optional() },
        *run(_: unknown, { annotate }: Context) {
          yield emit('a', 1);
          try {
            annotate('a', { metadata: { late: true } });
          } catch {
            yield emit('b', 2);
          }
        },
      });
      expectFailedStep(late, 'OP_BODY');
      expect(late.error?.message).toContain('annotated "a" after it was emitted. Annotate first');
    }
  });

  test('when the attempt is over does nothing', async () => {
    let late: (() => void) | undefined;
    const { result } = await play({
      outputs,
      run: (_: unknown, { annotate }: Context) => {
        late = () => annotate('nowhere', {});
        return { a: 1 };
      },
    });
    expect(result.status).toBe('succeeded');
    expect(late).not.toThrow();
  });
});

describe('metadata', () => {
  test('is what it was when it was given, whatever the body does to it later (X13)', async () => {
    for (const how of ['emitted', 'annotated', 'both', 'emitted to a slow schema']) {
      const metadata = { at: new Date(0), tags: new Set(['a']) };
      const schema = how.endsWith('schema') ? output(handMade(async (value) => ({ value }))) : output<number>();
      const { log } = await play({
        outputs: { a: schema },
        *run(_: unknown, { annotate }: Context) {
          if (how === 'annotated' || how === 'both') annotate('a', { metadata });
          if (how === 'annotated') metadata.at.setTime(5);
          yield emit('a', 1, how === 'annotated' ? {} : { metadata });
          metadata.at.setTime(5);
          metadata.tags.clear();
        },
      });
      const [event] = ofType(log, 'asset-materialized').filter(({ key }) => key === 'a');
      expect(event?.metadata).toEqual({ at: new Date(0), tags: new Set(['a']) });
    }
  });

  const unfit: readonly (readonly [string, unknown, string])[] = [
    ['a list', [1], 'OP_BODY'],
    ['null', null, 'OP_BODY'],
    ['a Map', new Map(), 'OP_BODY'],
    [
      'a getter that throws',
      {
        get x(): number {
          throw new Error('getter');
        },
      },
      'VALUE_NOT_STORABLE',
    ],
    [
      'a Proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('trap');
          },
        },
      ),
      'VALUE_NOT_STORABLE',
    ],
  ];
  test.each(unfit)('that is %s fails the step, also beside an annotation, and the rest of the run goes on', async (_, metadata, code) => {
    for (const noted of [true, false]) {
      const played = await play({
        outputs,
        *run(__: unknown, { annotate }: Context) {
          if (noted) annotate('a', { metadata: { fine: 1 } });
          yield emit('a', 1, { metadata: untyped(metadata) });
        },
      });
      expectFailedStep(played, code);
    }
  });

  test('links, Markdown and tables are read back as what they are, from both stores', async () => {
    const metadata = {
      page: link('https://example.com/a', 'the page'),
      text: markdown('**12** rows'),
      rows: table([
        { id: 1, at: new Date(0) },
        { id: 2n, note: null },
      ]),
      count: 12,
      nested: { list: [1, new Map([['a', 1]])] },
    };
    const kinds = { page: 'link', text: 'markdown', rows: 'table', count: 'number', nested: 'json' };
    const disk = await newStore();
    for (const opened of [memoryStore(), disk.store]) {
      const defs = define({
        assets: [
          asset({ key: 'void', run: (_, { annotate }) => annotate('result', { metadata }) }),
          asset({
            key: 'value',
            run: (_, { annotate }) => {
              annotate('result', { metadata });
              return 1;
            },
          }),
        ],
      });
      await materialize(defs, { store: opened });
      const store = opened === disk.store ? ((await disk.reopen?.()) ?? opened) : opened;
      const events = ofType(await logOf(store), 'asset-materialized');
      expect(events).toHaveLength(2);
      for (const event of events) {
        expect(event.metadata).toEqual(metadata);
        expect(Object.fromEntries(Object.entries(event.metadata).map(([name, value]) => [name, metadataKind(value)]))).toEqual(kinds);
        expect(Object.isFrozen(event.metadata)).toBe(true);
      }
    }
    await disk.dispose();
  });

  test('of an output that is no asset goes nowhere, and is checked all the same', async () => {
    const made = (metadata: unknown) =>
      op({
        name: 'made',
        outputs: { x: output<number>() },
        *run() {
          yield emit('x', 1, { metadata: untyped(metadata) });
        },
      });
    const reads = op({ name: 'reads', inputs: { x: input<number>() }, run: ({ x }) => x });
    expect((await materialize(whole(() => ({ out: reads({ x: made({ fine: 1 })().x }) })))).value('out')).toBe(1);
    const { errors } = await materialize(
      whole(() => ({ out: reads({ x: made({ f: () => 1 })().x }) })),
      { throwOnFailure: false },
    );
    expect(errors).toMatchObject([{ code: 'VALUE_NOT_STORABLE', details: { output: 'x', path: '$.f' } }]);
  });
});
