import { runInNewContext } from 'node:vm';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { checkValue, isSchema, printIssues, type Schema } from '../../../lib/kernel/schema.ts';
import { handMade, refusing } from '../../operators/run/schemas-rig.ts';

const refusal = (message: string, path = '$') => ({ valid: false, issues: [{ path, message }] });

describe('a schema', () => {
  test('is what speaks Standard Schema, be it an object or a function', () => {
    for (const schema of [z.string(), v.string(), type('string'), handMade(() => ({ value: 1 }))]) expect(isSchema(schema)).toBe(true);
    const others = [
      undefined,
      null,
      1,
      'a',
      {},
      () => 1,
      { optional: true },
      { '~standard': null },
      { '~standard': {} },
      { '~standard': { validate: 1 } },
    ];
    for (const other of others) expect(isSchema(other)).toBe(false);
  });

  const users: readonly (readonly [library: string, schema: Schema])[] = [
    ['zod', z.object({ rows: z.array(z.object({ id: z.number() })) })],
    ['valibot', v.object({ rows: v.array(v.object({ id: v.number() })) })],
    ['arktype', type({ rows: [{ id: 'number' }, '[]'] })],
  ];
  test.each(users)('of %s says where inside a value something is wrong', (_, schema) => {
    expect(checkValue(schema, { rows: [{ id: 1 }] })).toEqual({ valid: true, value: { rows: [{ id: 1 }] } });
    const refused = checkValue(schema, { rows: [{ id: 1 }, { id: 'x' }] });
    expect(refused).toMatchObject({ valid: false, issues: [{ path: '$.rows[1].id', message: expect.stringMatching(/number/) }] });
    expect(checkValue(schema, null)).toMatchObject({ valid: false, issues: [{ path: '$' }] });
  });

  const makers: readonly (readonly [library: string, schema: Schema])[] = [
    ['zod', z.string().transform((text) => new Date(text))],
    [
      'valibot',
      v.pipe(
        v.string(),
        v.transform((text) => new Date(text)),
      ),
    ],
    ['arktype', type('string').pipe((text) => new Date(text))],
  ];
  test.each(makers)('of %s gives what it makes of a value', (_, schema) => {
    expect(checkValue(schema, '2026-01-12')).toEqual({ valid: true, value: new Date('2026-01-12') });
  });

  test('sees the very value, which it may give back', () => {
    const value = { a: 1 };
    const checked = checkValue(
      handMade((given) => ({ value: given })),
      value,
    );
    expect(checked).toMatchObject({ valid: true });
    expect('value' in checked && checked.value).toBe(value);
  });

  test('is a method of its own record', () => {
    const standard = {
      vendor: 'hand',
      version: 1 as const,
      validate(this: unknown) {
        return { value: this === standard };
      },
    };
    expect(checkValue({ '~standard': standard }, 0)).toEqual({ valid: true, value: true });
  });
});

describe('a schema that takes its time', () => {
  test('is waited for, whichever library it is of', async () => {
    for (const schema of [
      z.string().refine(async (text) => text === 'yes', 'no'),
      v.pipeAsync(
        v.string(),
        v.checkAsync(async (text) => text === 'yes', 'no'),
      ),
    ]) {
      const good = checkValue(schema, 'yes');
      expect(good).toBeInstanceOf(Promise);
      expect(await good).toEqual({ valid: true, value: 'yes' });
      expect(await checkValue(schema, 'other')).toEqual(refusal('no'));
    }
  });

  test('may give any thenable, a promise of another realm too', async () => {
    const foreign: unknown = runInNewContext('Promise.resolve({ value: 5 })');
    expect(foreign).not.toBeInstanceOf(Promise);
    expect(
      await checkValue(
        handMade(() => foreign),
        1,
      ),
    ).toEqual({ valid: true, value: 5 });
  });

  test('refuses by rejecting, and never rejects', async () => {
    const cause = new Error('no connection');
    expect(
      await checkValue(
        handMade(() => Promise.reject(cause)),
        1,
      ),
    ).toEqual({ ...refusal('the schema threw: no connection'), cause });
    expect(
      await checkValue(
        handMade(async () => null),
        1,
      ),
    ).toEqual(refusal('the schema gave null as its result'));
    const bad = handMade(async () => ({
      issues: [
        {
          get message(): string {
            throw cause;
          },
        },
      ],
    }));
    expect(await checkValue(bad, 1)).toEqual({ ...refusal('the schema threw: no connection'), cause });
  });
});

describe('a schema that breaks the contract', () => {
  const thrower = (thrown: unknown): Schema =>
    handMade(() => {
      throw thrown;
    });
  const hostile = Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('y');
    },
  });
  const proxy = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('z');
      },
    },
  );

  test.each<[string, unknown, string]>([
    ['an Error', new Error('boom'), 'the schema threw: boom'],
    ['an Error without words', new Error(''), 'the schema threw: refused without a reason'],
    ['text', 'boom', 'the schema threw: something that is no Error'],
    ['an Error that cannot be read', hostile, 'the schema threw: something that cannot be read'],
    ['a Proxy that cannot be asked', proxy, 'the schema threw: something that cannot be read'],
  ])('by throwing %s has refused, and what it threw is the cause', (_, thrown, said) => {
    const checked = checkValue(thrower(thrown), 1);
    expect('issues' in checked && checked.issues).toEqual([{ path: '$', message: said }]);
    expect('cause' in checked && Object.is(checked.cause, thrown)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the schema gave undefined as its result'],
    ['null', null, 'the schema gave null as its result'],
    ['true', true, 'the schema gave a boolean as its result'],
    ['no issues in the list', { issues: [] }, 'the schema refused it without a reason'],
    ['issues that are no list', { issues: 'bad', value: 1 }, 'the schema refused it, with issues that are a string'],
    ['an issue that is null', { issues: [null] }, 'refused without a reason'],
    ['an issue that is text', { issues: ['bad'] }, 'refused without a reason'],
    ['an issue without a message', { issues: [{ path: [] }] }, 'refused without a reason'],
    ['a message that is no text', { issues: [{ message: { a: 1 } }] }, 'refused without a reason'],
    ['a message of blanks', { issues: [{ message: ' \n' }] }, 'refused without a reason'],
    ['a path that is no list', { issues: [{ message: 'bad', path: 'a.b' }] }, 'bad'],
  ])('by giving %s has refused', (_, given, said) => {
    expect(
      checkValue(
        handMade(() => given),
        1,
      ),
    ).toEqual(refusal(said));
  });

  test('by giving null as its issues has accepted, as most readers of the standard take it', () => {
    expect(
      checkValue(
        handMade(() => ({ issues: null, value: 5 })),
        1,
      ),
    ).toEqual({ valid: true, value: 5 });
    expect(
      checkValue(
        handMade(() => ({ issues: undefined, value: undefined })),
        1,
      ),
    ).toEqual({ valid: true, value: undefined });
  });
});

describe('the path of an issue', () => {
  const pathOf = (path: readonly unknown[]): unknown => {
    const checked = checkValue(
      handMade(() => ({ issues: [{ message: 'm', path }] })),
      1,
    );
    return 'issues' in checked ? checked.issues[0]?.path : undefined;
  };

  test.each<[readonly unknown[], string]>([
    [[], '$'],
    [['rows', 3, 'id'], '$.rows[3].id'],
    [[{ key: 'rows' }, { key: 3 }, { key: 'id' }], '$.rows[3].id'],
    [['first name', '3'], '$["first name"]["3"]'],
    [[Symbol('s')], '$[Symbol(s)]'],
    [['a', { key: null }, 'b'], '$.a'],
    [['a', null, 'b'], '$.a'],
    [['a', { key: { id: 1 } }], '$.a'],
    [['a', {}], '$.a'],
  ])('%j is printed as %s', (path, printed) => {
    expect(pathOf(path)).toBe(printed);
  });

  test('ends where a library names a place that no property has', () => {
    const members = checkValue(v.object({ tags: v.set(v.number()) }), { tags: new Set(['a']) });
    expect(members).toMatchObject({ issues: [{ path: '$.tags', message: expect.stringContaining('Expected number') }] });
    const entries = checkValue(v.map(v.object({}), v.number()), new Map([[{}, 'a']]));
    expect(entries).toMatchObject({ issues: [{ path: '$', message: expect.stringContaining('Expected number') }] });
  });
});

describe('issues in a sentence', () => {
  const issue = (message: string, path = '$') => ({ message, path });

  test('are told with their places, three at most', () => {
    expect(printIssues([issue('bad', '$.a')])).toBe('bad at $.a');
    expect(printIssues(['a', 'b', 'c'].map((name) => issue(name)))).toBe('a at $; b at $; c at $');
    expect(printIssues(['a', 'b', 'c', 'd', 'e'].map((name) => issue(name)))).toBe('a at $; b at $; c at $; and 2 more');
  });

  test('fit on a line, however long and broken their messages are', () => {
    expect(printIssues([issue('two\n\n  lines\tof text')])).toBe('two lines of text at $');
    expect(printIssues([issue('x'.repeat(10_000))])).toBe(`${'x'.repeat(200)} at $`);
    const deep = checkValue(refusing({ message: 'm', path: Array.from({ length: 5000 }, (_, index) => index) }), 1);
    expect('issues' in deep && printIssues(deep.issues).length).toBeLessThan(200);
    const wide = checkValue(refusing({ message: 'm', path: ['k'.repeat(10_000)] }), 1);
    expect('issues' in wide && printIssues(wide.issues).length).toBeLessThan(200);
  });
});
