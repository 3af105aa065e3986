import { expect, test } from 'vitest';
import { materialize, op } from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { ready } from '../rig/deferred.ts';
import { manualClock } from '../rig/manual-clock.ts';
import { logOf } from '../rig/watched-store.ts';
import { whole } from '../rig/whole.ts';

test('lines of a body that the run has given up are dropped: nothing of a run comes after its end', async () => {
  const store = memoryStore();
  const clock = manualClock();
  const controller = new AbortController();
  let late: (() => void) | undefined;
  const deaf = op({
    name: 'deaf',
    run: (_, { log }) => {
      late = () => log.info('too late');
      return new Promise<number>(() => undefined);
    },
  });
  const running = materialize(
    whole(() => ({ out: deaf() })),
    { store, clock, signal: controller.signal, graceMs: 50 },
  ).catch(() => undefined);
  await ready();
  controller.abort();
  clock.advance(50);
  await running;
  late?.();
  await ready();
  expect((await logOf(store)).at(-1)?.type).toBe('run-ended');
});
