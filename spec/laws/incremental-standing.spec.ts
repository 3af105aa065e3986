import { describe, expect, test } from 'vitest';
import { status } from '../../index.ts';
import type { Action, HistoryConstraints } from './incremental-arbitraries.ts';
import { eventsFrom } from './incremental-checks.ts';
import type { History } from './incremental-history.ts';
import { begun, changes, law, refreshAll } from './incremental-play.ts';
import { askedPort, tellingOf, type Asked } from './incremental-standing.ts';
import { losingStore } from '../kit/losing-store.ts';

const everyChange = ['run', 'put', 'code', 'touch', 'rename', 'op', 'nest', 'remove', 'break', 'config', 'asset', 'optional', 'rewire', 'add', 'restart', 'tick'] as const; // prettier-ignore

// Each law of `both` expects.
// oxlint-disable vitest/expect-expect
describe('I16 steps that stand: a refresh that looks only at what a change may have touched', () => {
  const asked = { goingBy: { traces: 0 }, forgetting: { traces: 0 } };

  async function both(constraints: HistoryConstraints, runs: number): Promise<void> {
    await law(
      constraints,
      async (shape) => {
        const played = [
          await begun(shape, { losing: losingStore(askedPort({ asked: asked.goingBy, forgets: false })) }),
          await begun(shape, { losing: losingStore(askedPort({ asked: asked.forgetting, forgets: true })) }),
        ] as const;
        for (const action of shape.actions) {
          for (const run of [action, refreshAll]) {
            const [one, other] = [await accountOf(played[0], run), await accountOf(played[1], run)];
            expect(one, played[0].print()).toEqual(other);
            expect(await statusOf(played[0]), played[0].print()).toEqual(await statusOf(played[1]));
          }
        }
        const [one, other] = [await tellingOfHistory(played[0]), await tellingOfHistory(played[1])];
        expect(one, played[0].print()).toEqual(other);
      },
      runs,
    );
  }

  test('does what one does that looks at all of them, and records it in the same events', () =>
    both({ actions: everyChange, maxActions: 8 }, 50));

  test('also where values were lost, belong together, or pass by reference', () =>
    both({ passing: 3, voids: 1, actions: ['run', 'put', 'lose', 'touch', 'tick'], maxActions: 8 }, 40));

  test('also in large worlds that change little, where it looks up a part of the traces', async () => {
    const before: readonly Asked[] = [{ ...asked.goingBy }, { ...asked.forgetting }];
    await both({ passing: 0, voids: 0, volatile: 0, maxSteps: 12, actions: ['put', 'lose', 'restart', 'run'], maxActions: 8 }, 25);
    const [one = 0, other = 0] = [asked.goingBy, asked.forgetting].map(({ traces }, which) => traces - (before[which]?.traces ?? 0));
    expect(one).toBeLessThan(other);
  });
});

async function accountOf(played: History, action: Action): Promise<unknown> {
  // What a stack ends with is up to the turn of the event loop that its body began in: both begin in one of their own.
  await new Promise((resolve) => setImmediate(resolve));
  // How far a run has come when it is cancelled is a matter of chance: what stands has been reused before anything starts.
  if (action.do === 'run') return (await played.run({ ...action, cancelAfter: 0 })).got;
  await changes(played, [action]);
  return undefined;
}

async function statusOf({ defs, store }: History): Promise<unknown> {
  const { assets } = await status(defs, store);
  return [...assets.values()].map(({ key, state, stale, position }) => [key, state, stale, position === undefined]);
}

async function tellingOfHistory({ store }: History): Promise<readonly string[]> {
  return tellingOf(await eventsFrom(store, 1));
}
