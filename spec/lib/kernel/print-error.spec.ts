import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { printError } from '../../../lib/kernel/print-error.ts';
import { DefinitionError, SelectionError, StepError } from '../../../lib/kernel/errors.ts';
import { userFrames, withoutOwnFrames } from '../../../lib/kernel/stack.ts';
import { op } from '../../../lib/model/op.ts';

const lines = (error: unknown): readonly string[] => inspect(error).split('\n');

/** What a function throws. */
function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('an error that is printed', () => {
  test('says what happened, where in the user’s own code, the facts, and what is behind it', () => {
    const printed = inspect(
      new StepError('OP_THREW', 'Step "clean" failed: boom', { details: { step: 'clean', attempt: 2 }, cause: new TypeError('boom') }),
    );
    expect(printed).toMatch(/^StepError \[OP_THREW\]: Step "clean" failed: boom\n {4}at /);
    expect(printed).toContain("\n  step: 'clean'\n  attempt: 2\n");
    expect(printed).toContain('\n  [cause]: TypeError: boom\n');
  });

  test('fits on a screen, whatever it carries', () => {
    const missing = Array.from({ length: 5000 }, (_, index) => ({ key: `asset_${index}`, readers: ['a', 'b'] }));
    const details = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`detail_${index}`, missing]));
    let cause: Error = new Error('x\n'.repeat(1000));
    for (let depth = 0; depth < 50; depth += 1) cause = new Error(`around ${depth}: ${'long '.repeat(1000)}`, { cause });
    const printed = lines(new SelectionError('MISSING_VALUE', 'wide '.repeat(10_000), { details, cause }));
    expect(printed.length).toBeLessThanOrEqual(70);
    expect(printed.join('\n').length).toBeLessThanOrEqual(12_000);
    expect(printed.at(0)).toMatch(/^SelectionError \[MISSING_VALUE\]: wide/);
    expect(printed.join('\n')).toContain('90 more in error.details');
  });

  test('prints a cause that is no Error, and survives one that does not want to be printed', () => {
    expect(inspect(new StepError('OP_THREW', 'm', { cause: { reason: 7 } }))).toContain('[cause]: { reason: 7 }');
    const trap = new Proxy(new Error('trapped'), {
      get: (target, property) => (property === 'stack' ? undefined : Reflect.get(target, property)),
    });
    expect(inspect(new StepError('OP_THREW', 'm', { cause: trap }))).toContain('trapped');
  });
});

describe('an error is printed whatever throws when it is read', () => {
  const boom = (): never => {
    throw new Error('must not come out');
  };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const print = (cause: unknown, details: Readonly<Record<string, unknown>> = {}): string =>
    printError({ name: 'StepError', code: 'OP_THREW', message: 'm', details, stack: undefined, cause }, inspect);
  const withField = (field: string, descriptor: PropertyDescriptor): Error => Object.defineProperty(new Error('mine'), field, descriptor);

  test.each<[string, () => unknown]>([
    ['a message', () => withField('message', { get: boom })],
    ['a name', () => withField('name', { get: boom })],
    ['a name without a prototype', () => withField('name', { value: Object.create(null) })],
    ['a stack', () => withField('stack', { get: boom })],
    ['what prints itself', () => ({ [inspect.custom]: boom })],
  ])('%s of its cause', (_, make) => {
    expect(print(make())).toBe('StepError [OP_THREW]: m\n  [cause]: something that cannot be read');
  });

  // Not in the table above, which could not print it.
  test('a cause that is a revoked Proxy, and one behind an Error', () => {
    expect(print(revoked)).toBe('StepError [OP_THREW]: m\n  [cause]: something that cannot be read');
    expect(print(new Error('around', { cause: revoked }))).toMatch(
      /cause\]: Error: around\n[^]*\n {2}\[cause\]: something that cannot be read$/,
    );
  });

  test('the cause of its cause, beside what can be read', () => {
    const printed = print(withField('cause', { get: boom }));
    expect(printed).toContain('  [cause]: Error: mine\n');
    expect(printed).toContain("  [cause]: 'something that cannot be read'");
    expect(inspect(new StepError('OP_THREW', 'm', { cause: withField('cause', { get: boom }) }))).toContain('[cause]: Error: mine');
  });

  test('a detail, beside those that can be read', () => {
    const details = Object.defineProperty({ before: 1, itself: { [inspect.custom]: boom } }, 'got', { get: boom, enumerable: true });
    expect(print(undefined, details).split('\n').slice(1)).toEqual([
      '  before: 1',
      '  itself: something that cannot be read',
      '  got: something that cannot be read',
    ]);
    expect(print(undefined, revoked)).toBe('StepError [OP_THREW]: m\nsomething that cannot be read');
  });
});

test('a cause that cannot be read is no reason not to print', () => {
  const { proxy, revoke } = Proxy.revocable(new Error('gone'), {});
  revoke();
  const thrower = Object.defineProperty(new Error('x'), 'stack', {
    get: () => {
      throw new Error('no');
    },
  });
  for (const cause of [proxy, thrower]) expect(inspect(new StepError('OP_THREW', 'around it', { cause }))).toContain('around it');
});

describe('the stack of an error of ours', () => {
  test('starts where Sluice was called, and has no frame of Sluice', () => {
    const error = thrownBy(() => op({ name: 'not a name', run: () => 1 }));
    expect(error).toBeInstanceOf(DefinitionError);
    const { stack } = error as DefinitionError;
    expect(stack?.split('\n')[0]).toMatch(/^DefinitionError: "not a name" is not a name/);
    expect(stack?.split('\n')[1]).toContain('print-error.spec.ts');
    expect(stack).not.toMatch(/[/\\](lib|operators|store)[/\\](kernel|model)[/\\](?!.*\.spec)/);
  });

  test('is that of the cause, where there is one', () => {
    function culprit(): never {
      throw new RangeError('mine');
    }
    const cause = thrownBy(culprit);
    const { stack } = new StepError('OP_THREW', 'around it', { cause });
    expect(stack?.split('\n')[0]).toBe('StepError: around it');
    expect(stack?.split('\n')[1]).toContain('culprit');
  });
});

test('frames are told apart by where they are', () => {
  const root = decodeURIComponent(new URL('../../..', import.meta.url).pathname);
  const stack = [
    'Error: at work',
    '    at mine (/srv/app/app.ts:1:1)',
    `    at runBody (${root}operators/step/run-body.ts:2:2)`,
    `    at async file://${root}lib/kernel/errors.ts:3:3`,
    '    at map (/srv/app/node_modules/rxjs/dist/esm/map.js:4:4)',
    '    at node:internal/process/task_queues:95:5',
    '    at yours (/srv/app/lib/thing.ts:5:5)',
  ].join('\n');
  expect(userFrames(stack)).toEqual(['    at mine (/srv/app/app.ts:1:1)', '    at yours (/srv/app/lib/thing.ts:5:5)']);
  expect(withoutOwnFrames(stack).split('\n')).toHaveLength(5);
  expect(userFrames(undefined)).toEqual([]);
});
