import { describe, expect, test } from 'vitest';
import { asset, define, materialize, StepError, type Hooks } from '../../../index.ts';
import type { LoggedEvent } from '../../../lib/events/logged-event.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { errorRecord } from '../../../operators/run/settled-events.ts';
import { recordThrown } from '../../../operators/step/thrown.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

const huge = 'a'.repeat(5_000_000);

/** What the log keeps of a run of one asset. */
async function logOfRun(run: () => unknown, hooks: Hooks = {}): Promise<readonly LoggedEvent[]> {
  const { store } = watchedStore();
  await materialize(define({ assets: [asset({ key: 'a', run })] }), { store, hooks }).catch(() => undefined);
  return logOf(store);
}

describe('what the log keeps of an error', () => {
  test('is bounded where a body throws a long text', async () => {
    const events = await logOfRun(() => {
      throw new Error(huge);
    });
    const [settled] = ofType(events, 'step-settled');
    expect(settled?.error?.cause?.message).toBe(`${'a'.repeat(10_000)}…`);
    expect(settled?.error?.cause?.stack).toMatch(/^Error: a{19993}…$/);
    expect(JSON.stringify(events).length).toBeLessThan(50_000);
  });

  test('is bounded where a hook does', async () => {
    const events = await logOfRun(() => 1, {
      onSuccess: () => {
        throw new Error(huge);
      },
    });
    const failed = ofType(events, 'hook-failed').at(0);
    expect(failed?.error.message).toBe(`${'a'.repeat(10_000)}…`);
    expect(failed?.error.stack).toMatch(/^Error: a{19993}…$/);
    expect(JSON.stringify(events).length).toBeLessThan(50_000);
  });

  test('is bounded in its own message, and whatever was thrown', () => {
    expect(errorRecord(new StepError('OP_THREW', huge))).toEqual({ code: 'OP_THREW', message: `${'a'.repeat(10_000)}…` });
    expect(recordThrown(huge)).toEqual({ name: 'string', message: `${'a'.repeat(10_000)}…` });
    expect(recordThrown(Object.assign(new Error(), { name: huge, stack: undefined }))).toEqual({
      name: `${'a'.repeat(500)}…`,
      message: '',
    });
  });

  test('is whole where it fits, and no pair of surrogates is cut in half', () => {
    const [message, stack] = ['m'.repeat(10_000), 's'.repeat(20_000)];
    expect(recordThrown(Object.assign(new Error(message), { stack }))).toEqual({ name: 'Error', message, stack });
    expect(recordThrown(`${'m'.repeat(9_999)}😀`).message).toBe(`${'m'.repeat(9_999)}…`);
  });

  test('the sentence about it is bounded too, however much of it are line ends, a name or a symbol', async () => {
    for (const thrown of [
      new Error(' '.repeat(1_000_000)),
      new Error(`${'x'.repeat(499)}😀`),
      Object.assign(new Error(), { name: huge }),
      Symbol(huge),
    ]) {
      const events = await logOfRun(() => Promise.reject(thrown));
      const message = ofType(events, 'step-settled').at(0)?.error?.message ?? '';
      expect(message).toContain('…');
      expect(message.length).toBeLessThan(700);
      expect(message).not.toMatch(/\p{Surrogate}/u);
    }
  });
});

test('an asset with a buffer that was transferred fails, with the path to it', async () => {
  const sent = new Uint8Array(8);
  structuredClone(sent, { transfer: [sent.buffer] });
  const defs = define({ assets: [asset({ key: 'a', run: () => ({ rows: [sent] }) })] });
  const failed = materialize(defs, { store: memoryStore() });
  await expect(failed).rejects.toMatchObject({
    code: 'VALUE_NOT_STORABLE',
    details: { path: '$.rows[0]' },
    message: expect.stringContaining('a detached buffer at $.rows[0]'),
  });
});
