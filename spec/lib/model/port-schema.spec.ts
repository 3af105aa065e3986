import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, input, list, nothing, op, optional, output } from '../../../index.ts';
import { checkPorts } from '../../../lib/model/port.ts';
import { isOp } from '../../../lib/model/op.ts';
import { expectRefusal } from './refusal.ts';
import { untyped as untypedValue } from '../../operators/rig/untyped.ts';
import { untyped } from './untyped.ts';

const schemas = { zod: z.number(), valibot: v.number(), arktype: type('number') };

describe('a port', () => {
  test.each(Object.entries(schemas))('takes a schema of %s first, and options second', (_, schema) => {
    expect(input(schema)).toEqual({ port: 'input', kind: 'value', optional: false, hold: false, schema });
    expect(input(schema).schema).toBe(schema);
    expect(input(schema, { optional: true })).toMatchObject({ kind: 'value', optional: true, schema });
    expect(list(schema)).toMatchObject({ kind: 'list', optional: false, schema });
    expect(list(schema, { optional: true })).toMatchObject({ kind: 'list', optional: true, schema });
    expect(output(schema)).toMatchObject({ port: 'output', required: true, transient: false, schema });
    expect(optional(schema, { transient: true })).toMatchObject({ port: 'output', required: false, transient: true, schema });
    for (const port of [input(schema), list(schema), output(schema), optional(schema)]) expect(Object.isFrozen(port)).toBe(true);
    expect(Object.isFrozen(schema)).toBe(false);
  });

  test('has none where none is given', () => {
    for (const port of [input(), list(), nothing(), output(), optional(), input({ optional: true }), output({ transient: true })])
      expect(port.schema).toBeUndefined();
  });

  test('refuses wrong options beside a schema as it does without one', () => {
    expectRefusal(() => untyped(input)(z.number(), { option: true }), 'INVALID_DEFINITION', 'input() has no option "option"', 'optional');
    expectRefusal(() => untyped(output)(z.number(), { transient: 1 }), 'INVALID_DEFINITION', 'output(): "transient"', 'true or false');
    expectRefusal(() => untyped(optional)(z.number(), null), 'INVALID_DEFINITION', 'optional()');
    expectRefusal(() => untyped(list)(z.number(), z.number()), 'INVALID_DEFINITION', 'list()');
  });

  test('refuses what is no schema where one could be', () => {
    for (const wrong of [null, 5, 'number', Number, { '~standard': {} }])
      expectRefusal(() => untyped(input)(wrong), 'INVALID_DEFINITION', 'input()');
  });

  test('made by hand has a schema or none, and nothing else in its place', () => {
    const made = (schema: unknown) => ({ x: { port: 'input', kind: 'value', optional: false, hold: false, schema } });
    expect(Object.keys(checkPorts('input', untypedValue(made(z.number())), 'op "a"'))).toEqual(['x']);
    for (const schema of [null, 5, {}, Number])
      expectRefusal(
        () => checkPorts('input', untypedValue(made(schema)), 'op "a"'),
        'INVALID_DEFINITION',
        'input "x"',
        'Make it with input()',
      );
  });
});

describe('result', () => {
  const run = () => 1;

  test('is the schema of the one output of an op or asset without outputs', () => {
    const made = op({ name: 'a', result: schemas.zod, run });
    expect(isOp(made) && made.outputs['result']?.schema).toBe(schemas.zod);
    expect(made.declaresOutputs).toBe(false);
    expect(() => asset({ key: 'a', result: schemas.arktype, run })).not.toThrow();
    expect(op({ name: 'a', run }).outputs['result']?.schema).toBeUndefined();
  });

  test('is refused beside outputs, and where it is no schema', () => {
    const outputs = { a: output<number>() };
    expectRefusal(() => untyped(op)({ name: 'a', outputs, result: z.number(), run }), 'INVALID_DEFINITION', 'op "a"', 'output(schema)');
    for (const wrong of [null, 5, {}, Number])
      expectRefusal(() => untyped(op)({ name: 'a', result: wrong, run }), 'INVALID_DEFINITION', 'op "a"', '"result"');
  });
});
