import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { asset, define, graph, op } from '../../../index.ts';
import { two } from './ops.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

const mapConfig = (): object => ({});
const made = (options: object) => (): unknown => untyped(graph)('g', options, () => two());

function configOf(options: object): unknown {
  const { config, mapConfig: mapping } = graph('g', options, () => two());
  return [config, mapping];
}

describe('config of a graph', () => {
  test('is a schema of any library, and a function that maps it', () => {
    for (const config of [z.number(), v.number(), type('number'), type({ a: 'string' })]) {
      expect(configOf({ config, mapConfig })).toEqual([config, mapConfig]);
    }
    expect(configOf({ mapConfig })).toEqual([undefined, mapConfig]);
    expect(configOf({})).toEqual([undefined, undefined]);
  });

  test('is not asked for when the graph is made', () => {
    let asked = 0;
    made({ config: z.number().transform(() => (asked += 1)), mapConfig: () => (asked += 1) })();
    expect(asked).toBe(0);
  });

  test('is refused where nothing reads it', () => {
    expectRefusal(
      made({ config: z.number() }),
      'INVALID_DEFINITION',
      'graph "g" has "config" and nothing that reads it. Give "mapConfig", a function from it to the config of what is inside.',
    );
  });

  test('is refused where it is no schema, or its mapping no function', () => {
    for (const config of [5, {}, Number, 'number', null, { '~standard': {} }, { '~standard': { validate: 5 } }, [z.number()]])
      expectRefusal(made({ config, mapConfig }), 'INVALID_DEFINITION', 'graph "g": "config" is ', 'Standard Schema');
    for (const given of [5, {}, null, class Mapping {}, { a: 1 }])
      expectRefusal(made({ config: z.number(), mapConfig: given }), 'INVALID_DEFINITION', `graph "g": "mapConfig" is `, 'Give a function');
    expectRefusal(made({ mapconfig: mapConfig }), 'INVALID_DEFINITION', 'has no option "mapconfig"', '"mapConfig"');
  });
});

describe('config of an op', () => {
  test('is a schema of any library', () => {
    for (const config of [z.number(), v.number(), type('number')]) {
      expect(op({ name: 'a', config, run: () => 1 }).config).toBe(config);
      expect(define({ assets: [asset({ key: 'a', config, run: () => 1 })] }).graph.steps[0]?.op.config).toBe(config);
    }
    expect(two.config).toBeUndefined();
    for (const config of [5, {}, Number, null]) {
      expectRefusal(
        () => untyped(op)({ name: 'a', config, run: () => 1 }),
        'INVALID_DEFINITION',
        'op "a": "config" is ',
        'Standard Schema',
      );
    }
  });
});
