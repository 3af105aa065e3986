import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../store/index.ts';
import { history, type HistoryConstraints } from './incremental-arbitraries.ts';
import type { LosingStore } from '../kit/losing-store.ts';
import { losingStore } from '../kit/losing-store.ts';
import { casesOf, law, playAll } from './incremental-play.ts';

const met = new Map<string, number>();
const meet = (what: string): unknown => met.set(what, (met.get(what) ?? 0) + 1);

const kept: HistoryConstraints = { passing: 0, voids: 0 };

describe('runs over a store that remembers do what the rules say: engine = reference', () => {
  test('where every value can be kept and none is lost', async () => {
    await law(
      { ...kept, volatile: 0, together: 0, maxActions: 14, actions: withoutLosing },
      async (shape) => expect(await playAll(shape, {}, meet)).toEqual([]),
      100,
    );
  });

  test('with volatile ops, outputs that belong together, and values that are lost', async () => {
    await law({ ...kept, actions: withoutBreaking }, async (shape) => expect(await playAll(shape, {}, meet)).toEqual([]), 60);
  });

  test('with values that pass by reference or live elsewhere', async () => {
    await law(
      { passing: 4, voids: 2, behaviours: ['all', 'collapse', 'selected'], actions: withoutBreaking },
      async (shape) => expect(await playAll(shape, {}, meet)).toEqual([]),
      80,
    );
  });

  test('with large worlds that change little', async () => {
    await law(
      { ...kept, maxSteps: 12, maxActions: 16, actions: ['run', 'put', 'lose', 'touch'] },
      async (shape) => expect(await playAll(shape, {}, meet)).toEqual([]),
      30,
    );
    for (const what of [
      'succeeded',
      'reused',
      'skipped',
      'failed',
      'blocked',
      'cancelled',
      'asset fresh',
      'asset unchanged',
      'asset absent',
      'refused',
    ])
      expect([what, met.get(what) ?? 0]).toEqual([what, expect.toSatisfy((n: number) => n >= 3)]);
  });

  test('I12 confluence: whatever the order in which bodies go on, and however many may run at a time', async () => {
    const property = fc.asyncProperty(
      history({ ...kept, later: 8, actions: withoutCancels }),
      fc.scheduler(),
      fc.integer({ min: 1, max: 4 }),
      async (shape, scheduler, concurrency) => {
        const actions = shape.actions.map((action) => (action.do === 'run' ? { ...action, cancelAfter: 0 } : action));
        const open = await playAll(
          { ...shape, actions },
          { pause: (step) => scheduler.schedule(Promise.resolve(), step), settle: (run) => scheduler.waitFor(run), concurrency },
        );
        expect(open).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: casesOf(50) });
  });

  test('on disk, closed and opened again between definitions', async () => {
    await law(
      { ...kept, maxSteps: 6, actions: withoutBreaking },
      async (shape) => expect(await onDisk((playing) => playAll(shape, playing))).toEqual([]),
      8,
    );
  });
});

const withoutBreaking = ['run', 'put', 'code', 'touch', 'rename', 'op', 'nest', 'remove', 'config', 'asset', 'optional', 'rewire', 'add', 'lose', 'restart', 'tick'] as const; // prettier-ignore
const withoutCancels = ['run', 'put', 'code', 'touch', 'config', 'rewire', 'lose', 'tick'] as const;
const withoutLosing = ['run', 'put', 'code', 'touch', 'rename', 'op', 'nest', 'remove', 'break', 'config', 'asset', 'optional', 'rewire', 'add', 'restart', 'tick'] as const; // prettier-ignore

/** A store in a folder of its own. */
async function onDisk(
  use: (playing: { readonly losing: LosingStore; readonly reopen: () => Promise<LosingStore> }) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-incremental-'));
  const lost = new Set<string>();
  let open = await openStore(folder);
  try {
    return await use({
      losing: losingStore(open.port, lost),
      reopen: async () => {
        await open.close();
        open = await openStore(folder);
        return losingStore(open.port, lost);
      },
    });
  } finally {
    await open.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
