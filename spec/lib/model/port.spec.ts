import { describe, expect, test } from 'vitest';
import { input, list, nothing, optional, output } from '../../../index.ts';
import type { InputPort } from '../../../index.ts';
import { checkPorts } from '../../../lib/model/port.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

describe('ports', () => {
  test('say what they are, and are frozen', () => {
    expect(input()).toEqual({ port: 'input', kind: 'value', optional: false, hold: false });
    expect(input({ optional: true })).toEqual({ port: 'input', kind: 'value', optional: true, hold: false });
    expect(list()).toEqual({ port: 'input', kind: 'list', optional: false, hold: false });
    expect(list({ optional: true })).toEqual({ port: 'input', kind: 'list', optional: true, hold: false });
    expect(nothing()).toEqual({ port: 'input', kind: 'nothing', optional: false, hold: false });
    expect(nothing({ optional: true })).toEqual({ port: 'input', kind: 'nothing', optional: true, hold: false });
    expect(output()).toEqual({ port: 'output', required: true, transient: false });
    expect(optional({ transient: true })).toEqual({ port: 'output', required: false, transient: true });
    for (const port of [input(), list(), nothing(), output(), optional()]) expect(Object.isFrozen(port)).toBe(true);
  });

  test('refuse an option that they do not have', () => {
    expectRefusal(
      () => untyped(input)({ option: true }),
      'INVALID_DEFINITION',
      'input() has no option "option"',
      'Did you mean "optional"',
    );
    expectRefusal(() => untyped(output)({ optional: true }), 'INVALID_DEFINITION', 'output() has no option "optional"');
    expectRefusal(() => untyped(list)({ optional: 'yes' }), 'INVALID_DEFINITION', 'list(): "optional" is a string', 'true or false');
  });

  test('are copied in the order in which they were declared: changing the record later changes nothing', () => {
    const given: Record<string, InputPort> = { b: input(), a: input() };
    const checked = checkPorts('input', given, 'op "x"');
    given['c'] = input();
    expect(Object.keys(checked)).toEqual(['b', 'a']);
    expect(Object.isFrozen(checked)).toBe(true);
    expect(checkPorts('input', undefined, 'op "x"')).toEqual({});
  });
});
