import { describe, expect, test } from 'vitest';
import { live, refresh, type LiveOptions } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready, until } from '../rig/deferred.ts';
import { brief, chain, pair, seenOf } from '../rig/live-rig.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';

/** Definitions whose step fails for as long as it is said to, and below zero. */
function failing() {
  const state = { isBroken: false, calls: 0 };
  const defs = chain((x) => {
    state.calls += 1;
    if (state.isBroken || x < 0) throw new RangeError('broken');
    return 2 * x;
  });
  return { defs, state };
}

async function started(options: Partial<LiveOptions<unknown>> = {}) {
  const clock = manualClock();
  const store = memoryStore();
  await store.put('x', 1);
  const { defs, state } = failing();
  const service = await live(defs, { store, clock, ...(options as object) }); // options that no type of an asset is part of
  const seen = seenOf(service.epochs());
  await service.durable();
  return { service, store, state, defs, clock, seen };
}

describe('a step that fails', () => {
  test('stays in its cone, and the epoch is written', async () => {
    const { service, store, seen } = await started();
    expect((await service.push('x', -1)).outcome).toBe('applied');
    expect(seen.at(-1)).toMatchObject({ failed: [{ step: 'double' }], blocked: ['say'], materialized: [] });
    expect(await store.value('doubled')).toBe(2);
    expect(ofType(await logOf(store), 'asset-failed').map(({ key }) => key)).toEqual(['doubled']);
    expect(ofType(await logOf(store), 'asset-blocked').map(({ key }) => key)).toEqual(['text']);
    await service.close();
  });

  test('waits for a changed input, and heals with it', async () => {
    const { service, seen, state } = await started();
    state.isBroken = true;
    await service.push('x', 2);
    await service.push('x', 2);
    expect(state.calls).toBe(2);
    state.isBroken = false;
    await service.push('x', 3);
    expect(brief(seen).slice(1)).toEqual(['items 1: double', 'items 1:', 'items 1: double say']);
    expect(await service.current('doubled')).toMatchObject({ value: 6 });
    await service.close();
  });

  test('and whose input goes back to what it succeeded with, is reused', async () => {
    const { service, seen, state, store } = await started();
    await service.push('x', -1);
    await service.push('x', 1);
    expect(state.calls).toBe(2);
    expect(seen.at(-1)).toMatchObject({ ran: [], unchanged: ['doubled', 'text'], failed: [] });
    expect(await service.current('doubled')).toMatchObject({ value: 2 });
    expect((await store.latest('doubled'))?.type).toBe('asset-unchanged');
    await service.close();
  });

  test('waits across a restart, too, and is not logged again', async () => {
    const { service, store, state, defs } = await started();
    await service.push('x', -1);
    await service.close();
    const calls = state.calls;
    const head = await store.port.head();
    const again = await live(defs, { store });
    const seen = seenOf(again.epochs());
    await again.durable();
    expect(state.calls).toBe(calls);
    expect(seen[0]).toMatchObject({ ran: [], blocked: ['say'] });
    expect((await logOf(store)).slice(head).map(({ type }) => type)).toEqual(['run-started']);
    await again.push('x', 2);
    expect(await again.current('text')).toMatchObject({ value: 'is 4' });
    await again.close();
  });

  test('is tried by an explicit refresh beside the service, which takes over what came of it', async () => {
    const { service, store, state, defs } = await started();
    state.isBroken = true;
    await service.push('x', 2);
    state.isBroken = false;
    const calls = state.calls;
    await refresh(defs, { store });
    await service.settled();
    expect(state.calls).toBe(calls + 1);
    expect(await service.current('text')).toMatchObject({ value: 'is 4' });
    await service.close();
  });
});

describe('retryFailed', () => {
  test('tries failed steps again although nothing changed, as often as it says', async () => {
    const { service, clock, state, seen } = await started({ retryFailed: { max: 2, delayMs: 100 } });
    state.isBroken = true;
    await service.push('x', 2);
    for (let times = 0; times < 5; times += 1) {
      clock.advance(100);
      await service.settled();
      await ready();
    }
    expect(brief(seen).slice(1)).toEqual(['items 1: double', 'retry 0: double', 'retry 0: double']);
    await service.close();
    expect(clock.waiting()).toBe(0);
  });

  test('heals what has healed meanwhile', async () => {
    const { service, clock, state } = await started({ retryFailed: { max: 3, delayMs: 100 } });
    state.isBroken = true;
    await service.push('x', 2);
    state.isBroken = false;
    clock.advance(100);
    await until(() => state.calls === 3);
    await service.durable();
    expect(await service.current('text')).toMatchObject({ value: 'is 4' });
    await service.close();
  });

  test('has all its tries for what fails on something new, however often it was tried before', async () => {
    const { service, clock, state } = await started({ retryFailed: { max: 1, delayMs: 100 } });
    const tries = async (): Promise<number> => {
      const before = state.calls;
      for (let times = 0; times < 3; times += 1) {
        clock.advance(100);
        await ready();
        await service.settled();
      }
      return state.calls - before;
    };
    await service.push('x', -1);
    expect(await tries()).toBe(1);
    await service.push('x', -2);
    expect(await tries()).toBe(1);
    await service.close();
  });
});

describe('time limits', () => {
  test('no epoch hangs: a step whose op has no limit fails after that of the service', async () => {
    const clock = manualClock();
    const store = memoryStore();
    await store.put('x', 0);
    const defs = chain((x) => (x === 1 ? new Promise<number>(() => undefined) : x));
    const service = await live(defs, { store, clock, stepTimeoutMs: 500, graceMs: 0 });
    const seen = seenOf(service.epochs());
    await service.durable();
    const pushed = service.push('x', 1);
    const behind = service.push('x', 2);
    await ready();
    clock.advance(499);
    await ready();
    expect(seen).toHaveLength(1);
    for (let turn = 0; turn < 10; turn += 1) {
      clock.advance(1000);
      await ready(5);
    }
    expect((await pushed).outcome).toBe('applied');
    expect(seen[1]?.failed[0]?.error).toMatchObject({ code: 'STEP_TIMEOUT', message: expect.stringMatching('raise "stepTimeoutMs"') });
    await behind;
    expect(await service.current('doubled')).toMatchObject({ value: 2 });
    await service.close();
  });

  test('what two sources gave is in the sum however late a step was', async () => {
    const service = await live(pair(), {});
    await Promise.all([service.push('a', 1), service.push('b', 2)]);
    expect(await service.current('sum')).toMatchObject({ value: 3 });
    await service.close();
  });
});
