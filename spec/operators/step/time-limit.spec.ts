import { describe, expect, test } from 'vitest';
import { materialize, op } from '../../../index.ts';
import { TimeLimit } from '../../../operators/step/time-limit.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { whole } from '../rig/whole.ts';

function limit(ms = 100) {
  const clock = manualClock();
  const run = new AbortController();
  const made = new TimeLimit({ step: 'slow', signal: run.signal, clock, by: 'timeoutMs' }, ms);
  const expired: unknown[] = [];
  void made.expired.then((error) => expired.push(error));
  return { clock, run, made, expired };
}

describe('a time limit', () => {
  test('fails when its time is over, and not before', async () => {
    const { clock, made, expired } = limit();
    clock.advance(99);
    expect([made.error, made.signal.aborted]).toEqual([undefined, false]);
    clock.advance(1);
    await Promise.resolve();
    expect(made.error).toMatchObject({ code: 'STEP_TIMEOUT', details: { step: 'slow', timeoutMs: 100 } });
    expect(expired).toEqual([made.error]);
    expect(made.signal.aborted).toBe(true);
    expect(made.signal.reason).toBe(made.error);
  });

  test('fails once: asked again, with the same error', async () => {
    const { clock, made, expired } = limit();
    clock.advance(500);
    await Promise.resolve();
    const { error } = made;
    expect(made.error).toBe(error);
    expect(expired).toEqual([error]);
  });

  test('says what to do about it', () => {
    const { clock, made } = limit(5);
    clock.advance(5);
    expect(made.error?.message).toBe('Step "slow" took longer than its timeoutMs of 5. Make it faster, split it, or raise "timeoutMs".');
  });

  test('leaves nothing behind once it is cleared', () => {
    const { clock, run, made } = limit();
    made.clear();
    expect(clock.waiting()).toBe(0);
    run.abort('late');
    expect(made.signal.aborted).toBe(false);
  });

  test('passes the cancel of the run on, with its reason, and takes its timer off the clock', async () => {
    const { clock, run, made, expired } = limit();
    run.abort('enough');
    expect(made.signal.reason).toBe('enough');
    expect(clock.waiting()).toBe(0);
    clock.advance(1000);
    await Promise.resolve();
    expect(expired).toEqual([]);
  });

  test('a cancel after the time was over changes nothing of why', () => {
    const { clock, run, made } = limit();
    clock.advance(100);
    run.abort('enough');
    expect(made.signal.reason).toBe(made.error);
  });
});

describe('a body that keeps the event loop, so that no timer can fire', () => {
  /** Runs a body that takes so long at once, as seen by the clock. */
  async function block(ms: number, ends: () => unknown) {
    const manual = manualClock();
    let passed = 0;
    const clock = { ...manual, now: () => manual.now() + passed };
    const blocks = op({ name: 'blocks', timeoutMs: 100, run: () => ((passed += ms), ends()) });
    const result = await materialize(
      whole(() => ({ out: blocks() })),
      { clock, throwOnFailure: false },
    );
    expect(clock.waiting()).toBe(0);
    return { outcome: result.outcome('out'), code: result.errors[0]?.code };
  }

  test.each<[string, () => unknown]>([
    ['a value', () => 1],
    ['a promise', async () => 1],
  ])('is held to its limit when it has ended with %s', async (_, ends) => {
    expect(await block(101, ends)).toEqual({ outcome: 'failed', code: 'STEP_TIMEOUT' });
    expect(await block(100, ends)).toEqual({ outcome: 'materialized', code: undefined });
  });
});
