import { expect, test } from 'vitest';
import { invariant, unreachable } from '../../../lib/kernel/invariant.ts';

test('an invariant that holds says nothing, and one that does not calls itself a bug of Sluice', () => {
  expect(() => invariant(true, 'rule')).not.toThrow();
  expect(() => invariant(false, 'every plan is closed')).toThrow(/^Sluice bug: every plan is closed\. Please report it/);
});

test('a member that no switch expects is printed', () => {
  // The compiler would not let it through, which is what the function is for.
  expect(() => unreachable({ kind: 'new' } as never)).toThrow('Sluice bug: unexpected member {"kind":"new"}');
});
