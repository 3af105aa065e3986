import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { AbortError, asset, define, input, materialize, op, StepError } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { untyped } from '../rig/untyped.ts';
import { whole } from '../rig/whole.ts';

const feed = op({ name: 'feed', run: () => [1, 2] });

/** What a run of one failing op among 500 others ends with. */
async function failureAmongMany(): Promise<StepError> {
  const boom = op({
    name: 'boom',
    inputs: { rows: input<readonly number[]>() },
    codeVersion: '1',
    run: async function theBody() {
      await Promise.resolve();
      throw new RangeError('no such row');
    },
  });
  const filler = op({ name: 'filler', run: () => 1 });
  const defs = whole(() => ({
    broken: boom({ rows: feed() }),
    ...Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, filler()])),
  }));
  const error: unknown = await materialize(defs, { store: memoryStore() }).catch((thrown: unknown) => thrown);
  if (error instanceof StepError) return error;
  throw new Error('the run did not fail as it should');
}

describe('a failed step', () => {
  test('says its op, its path, its assets, what it read and which attempt it was', async () => {
    const { details } = await failureAmongMany();
    expect(details).toMatchObject({ step: 'boom', op: 'boom', definition: 'whole', assets: ['broken'], attempt: 1 });
    expect(details['inputs']).toEqual({ rows: [expect.stringMatching(/^sha256:/)] });
  });

  test('keeps what the body threw, with its own stack and none of our frames', async () => {
    const { cause, stack } = await failureAmongMany();
    expect(cause).toBeInstanceOf(RangeError);
    const own = (cause as RangeError).stack ?? '';
    expect(own).toContain('theBody');
    expect(own).not.toMatch(/operators[/\\](step|run)[/\\][a-z-]+\.ts/);
    expect(stack).toContain('theBody');
  });

  test('fits on a screen, also where nobody caught it: the whole result is there, and is not printed', async () => {
    const error = await failureAmongMany();
    expect(untyped<{ outcomes: Map<string, string> }>(error.details['result']).outcomes.size).toBe(501);
    expect(inspect(error).split('\n').length).toBeLessThanOrEqual(24);
    // What a process prints that dies of it: without our own way of printing, and deeper.
    expect(inspect(error, { customInspect: false, depth: 5 }).split('\n').length).toBeLessThanOrEqual(40);
  });

  test('leaves an error whose stack cannot be written as it is', async () => {
    const frozen = Object.freeze(new Error('frozen'));
    const defs = define({ assets: [asset({ key: 'a', run: () => Promise.reject(frozen) })] });
    await expect(materialize(defs)).rejects.toMatchObject({ code: 'OP_THREW', cause: frozen });
  });

  test('cuts a message that would fill the screen, and keeps the whole of it on the cause', async () => {
    const long = 'no\n'.repeat(10_000);
    const defs = define({
      assets: [
        asset({
          key: 'a',
          run: () => {
            throw new Error(long);
          },
        }),
      ],
    });
    const error: unknown = await materialize(defs).catch((thrown: unknown) => thrown);
    expect((error as StepError).message.length).toBeLessThan(600);
    expect((error as StepError).message).not.toContain('\n');
    expect(((error as StepError).cause as Error).message).toBe(long);
  });
});

test('a cancelled run carries its result without printing it', async () => {
  const defs = define({ assets: [asset({ key: 'a', run: () => 1 })] });
  const error: unknown = await materialize(defs, { signal: AbortSignal.abort(new Error('stop')) }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AbortError);
  expect((error as AbortError).result.status).toBe('cancelled');
  expect(inspect(error)).not.toContain('outcomes');
});
