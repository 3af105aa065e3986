import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  op,
  plan,
  source,
  type GivenConfig,
  type Plan,
  type Schema,
} from '../../../index.ts';
import { untyped } from '../../operators/rig/untyped.ts';
import { expectSelectionError } from './selection-refusal.ts';

/** What the only step of a plan gets as its config. */
function configOf(config: Schema, given?: GivenConfig): unknown {
  const planned = plan(define({ assets: [asset({ key: 'a', config, run: () => 1 })] }), given === undefined ? {} : { config: given });
  return planned.steps[0]?.config?.value;
}

const given = (value: unknown): GivenConfig => ({ ops: { a: value } });

const libraries: readonly (readonly [string, { readonly all: Schema; readonly defaults: Schema; readonly trimmed: Schema }])[] = [
  [
    'zod',
    {
      all: z.object({ rows: z.array(z.object({ id: z.number() })) }),
      defaults: z.object({ size: z.number().default(7) }),
      trimmed: z.string().transform((text) => text.trim()),
    },
  ],
  [
    'valibot',
    {
      all: v.object({ rows: v.array(v.object({ id: v.number() })) }),
      defaults: v.object({ size: v.optional(v.number(), 7) }),
      trimmed: v.pipe(v.string(), v.trim()),
    },
  ],
  [
    'arktype',
    {
      all: type({ rows: type({ id: 'number' }).array() }),
      defaults: type({ size: 'number = 7' }),
      trimmed: type('string.trim'),
    },
  ],
];

describe.each(libraries)('a config schema of %s', (_, { all, defaults, trimmed }) => {
  test('passes what fits', () => {
    expect(configOf(all, given({ rows: [{ id: 1 }] }))).toEqual({ rows: [{ id: 1 }] });
  });

  test('fills an object of defaults where none is given, or `{}` is', () => {
    expect(configOf(defaults)).toEqual({ size: 7 });
    expect(configOf(defaults, given({}))).toEqual({ size: 7 });
    expect(configOf(defaults, given({ size: 8 }))).toEqual({ size: 8 });
  });

  test('makes of it what the body gets', () => {
    expect(configOf(trimmed, given('  x '))).toBe('x');
  });

  test('refuses what does not fit, with step, op and the path inside', () => {
    const rows = [{ id: 0 }, { id: 1 }, { id: 2 }, { id: 'x' }];
    const error = expectSelectionError(
      () => configOf(all, given({ rows })),
      'INVALID_CONFIG',
      'The config of step "a", given for op "a", is invalid: ',
      '$.rows[3].id',
    );
    expect(error.details).toMatchObject({ step: 'a', op: 'a', issues: [{ path: '$.rows[3].id' }] });
  });

  test('is missed where none is given and it has no default, with what it lacks', () => {
    const error = expectSelectionError(
      () => configOf(all),
      'INVALID_CONFIG',
      'The config of step "a" is not given, and has no default: ',
      ' at $.rows. Pass it in "config".',
    );
    expect(error.details).toMatchObject({ step: 'a', op: 'a', issues: [{ path: '$.rows' }] });
  });

  test('that wants no object does not speak of one where none is given', () => {
    const error = expectSelectionError(() => configOf(trimmed), 'INVALID_CONFIG', 'is not given, and has no default: ');
    expect(error.message).not.toMatch(/object|Object/);
    expect(error.details).toMatchObject({ step: 'a', op: 'a', issues: [{ message: expect.any(String) }] });
  });
});

/** A schema by hand, that says whatever a test wants it to say, and remembers what it was asked about. */
function schemaBy(validate: (value: unknown) => unknown, asked: unknown[] = []): Schema {
  return untyped<Schema>({
    '~standard': {
      version: 1,
      vendor: 'spec',
      validate: (value: unknown) => {
        asked.push(value);
        return validate(value);
      },
    },
  });
}

describe('what a schema is asked', () => {
  test('about undefined first where none is given: its own default goes before that of its fields', () => {
    const both = z.object({ size: z.number().default(7) }).default({ size: 100 });
    expect(configOf(both)).toEqual({ size: 100 });
    expect(configOf(z.number().optional())).toBeUndefined();
  });

  test('about undefined, then about an empty object, and about nothing else', () => {
    const asked: unknown[] = [];
    expectSelectionError(() => configOf(schemaBy(() => ({ issues: [{ message: 'no' }] }), asked)), 'INVALID_CONFIG');
    expect(asked).toEqual([undefined, {}]);
  });

  test('about nothing where what is given is undefined: it is not given, as with every option', () => {
    const asked: unknown[] = [];
    const picky = schemaBy((value) => (value === undefined ? { issues: [{ message: 'no' }] } : { value }), asked);
    expect(configOf(picky, given(undefined))).toEqual({});
    expect(asked).toEqual([undefined, {}]);
    expect(configOf(z.number().default(3), given(undefined))).toBe(3);
    expect(configOf(z.null(), given(null))).toBeNull();
  });

  test('of nothing where no step of the plan takes it', () => {
    const asked: unknown[] = [];
    const config = schemaBy((value) => ({ value }), asked);
    const defs = define({ assets: [asset({ key: 'a', config, run: () => 1 }), asset({ key: 'b', run: () => 1 })] });
    expect(plan(defs, { select: ['b'], config: { ops: { a: 1 } } }).steps.map(({ config: made }) => made)).toEqual([undefined]);
    expect(asked).toEqual([]);
  });

  test('what it throws is the cause, given or not', () => {
    const thrown = new Error('cannot look');
    const config = schemaBy(() => {
      throw thrown;
    });
    const words = ['the schema threw: cannot look at $'];
    expect(expectSelectionError(() => configOf(config, given(1)), 'INVALID_CONFIG', 'is invalid: ', ...words).cause).toBe(thrown);
    expect(expectSelectionError(() => configOf(config), 'INVALID_CONFIG', 'is not given', ...words).cause).toBe(thrown);
  });

  test('takes its time: refused, given or not', () => {
    const config = z.number().refine(async () => true);
    const words = ['The config of step "a"', 'has a schema that takes its time (async), and planning waits for nothing.'];
    const error = expectSelectionError(() => configOf(config, given(1)), 'INVALID_CONFIG', 'given for op "a",', ...words);
    expect(error.details).toEqual({ step: 'a', op: 'a' });
    expectSelectionError(() => configOf(schemaBy(async () => ({ value: 1 }))), 'INVALID_CONFIG', ...words);
    // Nobody waits for what it rejects with later.
    expectSelectionError(() => configOf(schemaBy(() => Promise.reject(new Error('later')))), 'INVALID_CONFIG', ...words);
  });

  test('no more than three issues fill the message; the details have all', () => {
    const config = z.object({ a: z.number(), b: z.number(), c: z.number(), d: z.number() });
    const error = expectSelectionError(() => configOf(config), 'INVALID_CONFIG', 'at $.c; and 1 more. Pass it');
    expect(error.message).not.toContain('$.d');
    expect(error.details['issues']).toHaveLength(4);
  });
});

describe('who is given what', () => {
  const sized = op({ name: 'sized', config: z.number().default(0), run: (_, { config }) => config });
  const plain = op({ name: 'plain', run: () => 1 });
  const two = graph('two', () => ({ first: sized.as('first')(), second: sized.as('second')(), third: plain.as('third')() }));
  const one = define({ assets: [assetsFromGraph(two, { canSubset: true })] });
  const both = define({
    assets: [assetsFromGraph(two, { name: 'x', keyPrefix: 'x' }), assetsFromGraph(two, { name: 'y', keyPrefix: 'y' })],
  });

  const configs = ({ steps }: Plan): unknown => Object.fromEntries(steps.map(({ step, config }) => [step.id, config?.value]));

  test('every step of an op by its name, and a step by its id before that', () => {
    expect(configs(plan(one, { config: { ops: { sized: 4 } } }))).toEqual({ first: 4, second: 4, third: undefined });
    expect(configs(plan(one, { config: { ops: { sized: 4 }, steps: { second: 5 } } }))).toEqual({ first: 4, second: 5, third: undefined });
  });

  test('ids are those of the steps: after the definition where there are two', () => {
    expect(configs(plan(both, { config: { steps: { 'x:first': 1, 'y:second': 2 } } }))).toEqual({
      'x:first': 1,
      'x:second': 0,
      'x:third': undefined,
      'y:first': 0,
      'y:second': 2,
      'y:third': undefined,
    });
    expectSelectionError(
      () => plan(both, { config: { steps: { first: 1 } } }),
      'INVALID_CONFIG',
      '"config" gives something to the step "first", which is not here. Did you mean "x:first"',
    );
  });

  test('a name that nothing has is refused, with the nearest one', () => {
    const cases = [
      [{ ops: { sizes: 1 } }, 'op', 'sizes', 'Did you mean "sized"?'],
      [{ graphs: { too: 1 } }, 'graph', 'too', 'Did you mean "two"?'],
      [{ steps: { frist: 1 } }, 'step', 'frist', 'Did you mean "first"'],
      [{ ops: { sized: 1, something_else: 1 } }, 'op', 'something_else', 'There are "sized" and "plain".'],
    ] as const;
    for (const [config, what, name, hint] of cases) {
      const words = `"config" gives something to the ${what} "${name}", which is not here. ${hint}`;
      expect(expectSelectionError(() => plan(one, { config }), 'INVALID_CONFIG', words).details).toEqual({ [what]: name });
    }
  });

  test('names are known of everything that is defined, planned or not', () => {
    expect(configs(plan(one, { select: ['first'], config: { steps: { second: 5 } } }))).toEqual({ first: 0 });
    expectSelectionError(() => plan(one, { select: ['first'], config: { steps: { third: 5 } } }), 'INVALID_CONFIG', 'takes none');
  });

  test('what takes none is refused, by whatever name and whether it is planned or not', () => {
    const cases = [
      [{ ops: { plain: 1 } }, 'the op "plain", which takes none. Declare "config" on op "plain", or drop this one.'],
      [{ ops: { plain: undefined } }, 'the op "plain", which takes none.'],
      [{ steps: { third: 1 } }, 'the step "third", which takes none. Declare "config" on op "plain", or drop this one.'],
      [{ graphs: { two: 1 } }, 'the graph "two", which takes none. Declare "config" on graph "two", or drop this one.'],
    ] as const;
    for (const [config, words] of cases) {
      for (const select of [['third'], ['first']] as const)
        expectSelectionError(() => plan(one, { select, config }), 'INVALID_CONFIG', `"config" gives something to ${words}`);
    }
  });

  test('of two ops of one name, those that take config are meant', () => {
    const takes = graph('takes', () => op({ name: 'load', config: z.number(), run: (_, { config }) => config })());
    const takesNone = graph('takes_none', () => op({ name: 'load', run: () => 1 })());
    const defs = define({ assets: [assetsFromGraph(takesNone), assetsFromGraph(takes)] });
    expect(configs(plan(defs, { config: { ops: { load: 3 } } }))).toEqual({ 'takes_none:load': undefined, 'takes:load': 3 });
  });

  test('names are only names', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const many = graph('many', () =>
      Object.fromEntries(names.map((name) => [name, op({ name, config: z.number().default(0), run: (_, { config }) => config })()])),
    );
    const defs = define({ assets: [assetsFromGraph(many)] });
    expect(Object.entries(Object(configs(plan(defs)))).length).toBe(4);
    for (const kind of ['ops', 'steps'] as const) {
      for (const name of names) {
        const planned = plan(defs, { config: { [kind]: Object.fromEntries([[name, 9]]) } });
        expect(planned.steps.map(({ step, config }) => [step.id, config?.value])).toEqual(
          names.map((each) => [each, each === name ? 9 : 0]),
        );
      }
    }
    const other = define({ assets: [asset({ key: 'a', config: z.number().default(0), run: () => 1 })] });
    for (const kind of ['ops', 'graphs', 'steps'] as const) {
      for (const name of names)
        expectSelectionError(
          () => plan(other, { config: { [kind]: Object.fromEntries([[name, 9]]) } }),
          'INVALID_CONFIG',
          `"${name}", which is not here.`,
        );
    }
  });

  test('a config of another shape is refused', () => {
    const cases = [
      [5, '"config" is a number. Give { ops, graphs, steps }, each a record of name to config.'],
      [[], '"config" is an array.'],
      [new Map(), '"config" is a Map.'],
      [{ op: { sized: 1 } }, '"config" has "op". Did you mean "ops"? It takes "ops", "graphs" and "steps", each a record'],
      [{ sized: 1 }, '"config" has "sized".'],
      [{ ops: 5 }, '"config.ops" is a number. Give a record of name to config.'],
      [{ steps: [1] }, '"config.steps" is an array.'],
      [{ graphs: null }, '"config.graphs" is null.'],
    ] as const;
    for (const [config, words] of cases) expectSelectionError(() => plan(one, untyped({ config })), 'INVALID_CONFIG', words);
    for (const config of [undefined, {}, { ops: undefined, graphs: {}, steps: undefined }])
      expect(configs(plan(one, untyped({ config })))).toEqual({ first: 0, second: 0, third: undefined });
  });

  test('an asset is named by its op, whatever its key', () => {
    const defs = define({
      assets: [
        source('raw'),
        asset({ key: ['eu', 'page size'], inputs: { raw: input<number>() }, config: z.number(), run: (_, { config }) => config }),
      ],
    });
    expect(configs(plan(defs, { config: { ops: { page_size: 3 } } }))).toEqual({ page_size: 3 });
  });
});
