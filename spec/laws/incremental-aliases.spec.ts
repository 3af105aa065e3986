import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { materialize, refresh, SelectionError, status, type Definitions, type Store } from '../../index.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import { memoryStore, pruneStore } from '../../lib/memory/index.ts';
import { sampleKey } from '../kit/sample-events.ts';
import { history, type AskedRun, type HistoryCase, type HistoryConstraints } from './incremental-arbitraries.ts';
import { defineChanging } from './incremental-define.ts';
import { History } from './incremental-history.ts';
import { Naming } from './incremental-names.ts';
import { casesOf, refreshAll } from './incremental-play.ts';
import { assetKeys } from './incremental-world.ts';

/** Everything but what changes ops besides their places: an alias says that an op elsewhere is the same one. */
const actions = ['run', 'run', 'put', 'code', 'touch', 'nest', 'remove', 'break', 'config', 'asset', 'optional', 'rewire', 'add', 'restart', 'tick'] as const; // prettier-ignore
const constraints: HistoryConstraints = { maxSteps: 7, maxActions: 14, actions, holds: 3, derived: 2 };

interface Beside {
  readonly rename: { readonly which: number; readonly back: boolean } | undefined;
  readonly prune: boolean;
}

/** What happens beside a history: things get other names, and values that nothing needs are removed. */
const beside: fc.Arbitrary<Beside> = fc.record({
  rename: fc.option(fc.record({ which: fc.nat({ max: 2 ** 24 - 1 }), back: fc.boolean() }), { freq: 2, nil: undefined }),
  prune: fc.nat({ max: 4 }).map((n) => n === 4),
});

/** One store, and the definitions that runs on it are given. */
interface Side {
  readonly store: Store;
  readonly naming: Naming;
  defs: Definitions;
}

/** What a run did, by what everything is called where nothing was ever renamed. */
type Done = Readonly<Record<string, unknown>>;

/** The same history twice: without a name that changes, and with names that do. */
class Twins {
  readonly played: History;
  readonly #plain: Side;
  readonly #renamed: Side;

  constructor(played: History) {
    this.played = played;
    this.#plain = { store: memoryStore({ now: () => 0 }), naming: new Naming(), defs: played.defs };
    this.#renamed = { store: memoryStore({ now: () => 0 }), naming: new Naming(), defs: played.defs };
    this.define();
  }

  sides(): readonly Side[] {
    return [this.#plain, this.#renamed];
  }

  /** Other definitions objects, so ops without a version are trusted no longer, on either side. */
  define(hasAliases = true): void {
    const { world } = this.played;
    for (const side of this.sides()) {
      const aliases = hasAliases && { aliases: side.naming.aliases(world) };
      side.defs = defineChanging(side.naming.world(world), { around: () => this.played.around, ...aliases });
    }
  }

  rename(how: { readonly which: number; readonly back: boolean }): void {
    this.#renamed.naming.rename(this.played.world, how);
    this.define();
  }

  /** Puts what another value is put of than readers get, under its name of now. */
  async put(): Promise<void> {
    for (const { store, naming, defs } of this.sides()) {
      const { sources } = this.played;
      for (const name of sources) {
        const key = sampleKey(naming.now('source', name));
        // By its key alone, nothing is known of its names before.
        await store.put(defs.sources.get(key) ?? key, this.played.values.get(name) ?? 0);
      }
    }
  }

  async prune(): Promise<void> {
    for (const { store } of this.sides()) await pruneStore(store, { versions: 1, runs: 1 });
  }
}

async function runOn({ store, naming, defs }: Side, played: History, asked: AskedRun): Promise<Done> {
  const { mode, select, inGraphUpstream, crossGraphUpstream, unselectedOutputs } = played.question(asked);
  const named = naming.world(played.world);
  const config = Object.fromEntries(
    played.world.steps.flatMap(({ id, op, takesConfig }) => (takesConfig ? [[op, played.around.config.get(id) ?? 0]] : [])),
  );
  const options = {
    store,
    select: [...select].map((key) => naming.now('key', key)),
    unselectedOutputs,
    crossGraphUpstream,
    config: { ops: config },
    throwOnFailure: false,
  };
  const idOf = (step: string): string =>
    named.steps.find(({ definition, path }) => step === path || step === `${definition}:${path}`)?.id ?? step;
  try {
    const result = mode === 'refresh' ? await refresh(defs, options) : await materialize(defs, { ...options, inGraphUpstream });
    const keys = [...select].map((key) => [key, naming.now('key', key)] as const);
    const port = aliasedPort(store.port, defs.aliases);
    const latest = await port.readable(
      keys.map(([, now]) => sampleKey(now)),
      Infinity,
    );
    const { assets } = await status(defs, store, { config: { ops: config } });
    return {
      steps: Object.fromEntries([...result.steps].map(([step, { outcome }]) => [idOf(step), outcome])),
      // What readers find only under a name of before is recorded once more.
      outcomes: keys.map(([key, now]) => [key, result.outcomes.get(now)?.replace('fresh', 'unchanged')]),
      versions: keys.map(([key], index) => {
        const event = latest[index];
        return [
          key,
          event === undefined
            ? 'none'
            : event.type === 'asset-absent'
              ? 'absent'
              : (/^(run|derived):/.exec(event.version)?.[1] ?? event.version),
        ];
      }),
      // What is stored has its address by what it is, whatever its version was taken from.
      values: keys.map(([key], index) => {
        const event = latest[index];
        return [key, event !== undefined && 'address' in event ? event.address : event?.type];
      }),
      states: assetKeys(played.world).map((key) => [
        key,
        assets.get(naming.now('key', key))?.state,
        assets.get(naming.now('key', key))?.stale?.cause,
      ]),
    };
  } catch (error) {
    if (error instanceof SelectionError) return { refused: error.code };
    throw error;
  }
}

/** Nothing fails, nothing is lost, and nothing depends on what was before. */
const pure: HistoryConstraints = {
  ...constraints,
  behaviours: ['all', 'collapse', 'data', 'selected'],
  actions: ['put', 'code', 'touch', 'nest', 'remove', 'config', 'asset', 'optional', 'rewire', 'add'],
  holds: 0,
  volatile: 0,
  passing: 0,
};

const shapes = withBesides(constraints);
const pureShapes = withBesides(pure);

function withBesides(of: HistoryConstraints): fc.Arbitrary<{ readonly shape: HistoryCase; readonly besides: readonly Beside[] }> {
  return history(of).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      besides: fc.array(beside, { minLength: shape.actions.length, maxLength: shape.actions.length }),
    }),
  );
}

describe('what was renamed, and has aliases for it (D9)', () => {
  test('is run, reused, recorded and told of as if nothing had ever been renamed', { timeout: 3000 * casesOf(40) }, () =>
    fc.assert(
      fc.asyncProperty(shapes, async ({ shape, besides }) => {
        const played = new History(shape);
        const twins = new Twins(played);
        await twins.put();
        let { defs } = played;
        for (const [index, action] of shape.actions.entries()) {
          const { rename, prune = false } = besides[index] ?? {};
          if (action.do !== 'run') await played.change(action);
          if (played.defs !== defs) twins.define();
          ({ defs } = played);
          if (action.do === 'put') await twins.put();
          if (rename !== undefined) twins.rename(rename);
          if (prune) await twins.prune();
          if (action.do !== 'run') continue;
          const [plain, renamed] = await Promise.all(twins.sides().map((side) => runOn(side, played, { ...action, cancelAfter: 0 })));
          expect(renamed, played.print()).toEqual(plain);
        }
      }),
      // Of a case that fails and shrinks for long, the seed is told, and not that time was up.
      { numRuns: casesOf(40), interruptAfterTimeLimit: 2500 * casesOf(40), markInterruptAsFailure: true },
    ),
  );

  test('gives the same values where aliases are forgotten, and declared later', { timeout: 3000 * casesOf(40) }, () =>
    fc.assert(
      fc.asyncProperty(pureShapes, async ({ shape, besides }) => {
        const played = new History(shape);
        const twins = new Twins(played);
        await twins.put();
        for (const [index, action] of shape.actions.entries()) {
          const { rename, prune: isForgotten = false } = besides[index] ?? {};
          if (action.do !== 'run') await played.change(action);
          if (rename !== undefined) twins.rename(rename);
          twins.define(!isForgotten);
          await twins.put();
          const [plain, renamed] = await Promise.all(twins.sides().map((side) => runOn(side, played, refreshAll)));
          expect(renamed?.['values'], played.print()).toEqual(plain?.['values']);
        }
      }),
      { numRuns: casesOf(40) },
    ),
  );
});
