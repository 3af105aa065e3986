import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assetsFromGraph,
  define,
  graph,
  input,
  list,
  nothing,
  op,
  optional,
  output,
  refresh,
  source,
  type Definitions,
  type LoggedEvent,
} from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import type { Action, HistoryConstraints } from './incremental-arbitraries.ts';
import { eventsFrom, fromScratch, repeated } from './incremental-checks.ts';
import type { History } from './incremental-history.ts';
import { begun, casesOf, changes, law, readersSee, refreshAll, runs, type Ran } from './incremental-play.ts';

/** Steps whose outputs are functions of what is declared, are kept, and whose code is trusted for ever. */
const pure: HistoryConstraints = { passing: 0, voids: 0, volatile: 0, together: 0, unversioned: 0, holds: 0, maxActions: 5 };
/** Nothing fails, whatever is selected. */
const harmless = { behaviours: ['all', 'all', 'collapse', 'data', 'selected'] } as const;
const everyChange = ['put', 'code', 'touch', 'rename', 'op', 'nest', 'remove', 'config', 'asset', 'optional', 'rewire', 'add'] as const;

const idsOf = (played: History, events: readonly LoggedEvent[]): readonly string[] =>
  events.flatMap((event) => {
    if (!('step' in event)) return [];
    return played.world.steps.find(({ definition, path }) => definition === event.definition && path === event.step)?.id ?? [];
  });

const assetEvents = (events: readonly LoggedEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type.startsWith('asset-') && 'key' in event ? [`${event.type} ${event.key}`] : []));

/** The steps that something of a step reaches, directly or not. */
function downstreamOf({ world }: History, from: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { id, inputs } of world.steps)
    if (inputs.some(({ entries }) => entries.some((wire) => 'step' in wire && (wire.step === from || found.has(wire.step))))) found.add(id);
  return found;
}

/** Every n-th step in turn is asked something of. */
const stepAt = (played: History, { sources }: { readonly sources: readonly number[] }): { readonly id: string; readonly index: number } => {
  const index = (sources[0] ?? 0) % played.world.steps.length;
  return { id: played.world.steps[index]?.id ?? '', index };
};

describe('laws of incremental runs', () => {
  test('I1 from scratch: after any history, a refresh leaves what one full run on the last inputs gives, failures and blocks too', () =>
    law({ ...pure, actions: everyChange }, async (shape) => {
      const played = await begun(shape);
      for (const action of shape.actions) {
        await changes(played, [action]);
        const { account } = await runs(played);
        const scratch = fromScratch(played.world, played.values, played.question(refreshAll));
        const got = Object.entries(account.outcomes ?? {}).map(async ([key, outcome]) => {
          const came = /materialized|unchanged|fresh/.test(outcome);
          return [key, came ? { value: await played.store.value(key) } : outcome] as const;
        });
        expect(new Map(await Promise.all(got))).toEqual(scratch.outcomes);
      }
    }));

  test('I2 glitch-free: every body is given what its inputs come out as in that run, whether they were made or reused', () =>
    law({ ...pure, actions: everyChange }, async (shape) => {
      const given: (readonly [step: string, inputs: unknown])[] = [];
      const played = await begun(shape, { watch: (step, inputs) => given.push([step, inputs]) });
      for (const action of shape.actions) {
        await changes(played, [action]);
        given.length = 0;
        await runs(played);
        const { steps } = fromScratch(played.world, played.values, played.question(refreshAll));
        for (const [id, inputs] of given) expect([id, inputs]).toEqual([id, inputsOf(played, id, steps)]);
      }
    }));

  function inputsOf({ world, values }: History, id: string, steps: ReturnType<typeof fromScratch>['steps']): unknown {
    const inputs = world.steps.find((each) => each.id === id)?.inputs ?? [];
    const read = inputs.flatMap(({ name, kind, entries }) => {
      const states = entries.map((wire) =>
        'source' in wire ? { value: values.get(wire.source) } : (steps.get(wire.step)?.states.get(wire.output) ?? 'absent'),
      );
      const came = states.flatMap((state) => (typeof state === 'object' ? [state.value] : []));
      return kind === 'nothing' ? [] : [[name, kind === 'list' ? came : came[0]]];
    });
    return Object.fromEntries(read);
  }

  test('I3 settle-once: in a run every step of the plan settles once, by an event of its own or by being reused, and none twice', () =>
    law({ ...pure, actions: [...everyChange, 'break'] }, async (shape) => {
      const played = await begun(shape);
      for (const action of shape.actions) {
        await changes(played, [action]);
        const { added, answer } = await runs(played);
        const logged = added.flatMap((event) => (event.type === 'step-settled' ? [`${event.definition}:${event.step}`] : []));
        expect(new Set(logged).size).toBe(logged.length);
        const reused = [...answer.steps.values()].filter(({ outcome }) => outcome === 'reused').length;
        expect(logged.length + reused).toBe(answer.need.size);
        expect(added.filter(({ type }) => type === 'run-ended')).toHaveLength(1);
      }
    }));

  test('I4 minimality: no step runs again with the inputs, the code and the config of its last success', () =>
    law({ ...pure, maxActions: 8, actions: [...everyChange, 'run', 'break', 'restart'] }, async (shape) => {
      const played = await begun(shape);
      for (const action of shape.actions) {
        const head = await played.store.port.head();
        await changes(played, [action]);
        const asked = action.do === 'run' ? action : refreshAll;
        await runs(played, { ...asked, mode: 'refresh', cancelAfter: 0, unselectedOutputs: 'discard' });
        expect(idsOf(played, repeated(await eventsFrom(played.store, 1), head + 1))).toEqual([]);
      }
    }));

  test('I5 no missed run: a step runs when its code or its config is another, or a source that it reads', () =>
    // Where nothing fails or is skipped: after that, an old value may come back to a step that has a trace of it.
    law({ ...pure, behaviours: ['all', 'collapse'], actions: ['code', 'touch', 'config', 'put'] }, async (shape) => {
      const played = await begun(shape);
      await runs(played);
      for (const action of shape.actions) {
        const before = new Map(played.around.config);
        const touched = await touchedBy(played, action);
        const { account, ran } = await runs(played);
        const due = played.world.steps.filter(({ id, takesConfig }) => {
          const isOther = takesConfig && (before.get(id) ?? 0) !== (played.around.config.get(id) ?? 0);
          return (isOther || touched.includes(id)) && !/skipped|blocked/.test(account.settled?.[id] ?? 'blocked');
        });
        expect(due.map(({ id }) => id).filter((id) => !ran.includes(id))).toEqual([]);
      }
    }));

  /** Does it, and says which steps it touches. */
  async function touchedBy(played: History, action: Action): Promise<readonly string[]> {
    const sources = new Map(played.values);
    await changes(played, [action]);
    if (action.do === 'code' || action.do === 'touch') return [played.world.steps[action.step % played.world.steps.length]?.id ?? ''];
    const changed = new Set([...played.values].filter(([key, value]) => sources.get(key) !== value).map(([key]) => key));
    return played.world.steps.flatMap(({ id, inputs }) =>
      inputs.some(({ entries }) => entries.some((wire) => 'source' in wire && changed.has(wire.source))) ? [id] : [],
    );
  }

  test('I6 cutoff: a step that runs and gives what it gave wakes no reader, and its assets are unchanged (F5)', () =>
    law({ ...pure, ...harmless, actions: ['put'] }, async (shape) => {
      const played = await begun(shape);
      const first = await runs(played);
      const { id, index } = stepAt(played, shape);
      await changes(played, [{ do: 'touch', step: index }]);
      const { ran, added } = await runs(played);
      expect(ran).toEqual(first.ran.includes(id) ? [id] : []);
      const values = assetEvents(added).filter((each) => !each.startsWith(`asset-unchanged ${id}_`));
      expect(values).toEqual([]);
    }));

  test('I7 nothing changed: a second refresh, also after equal values were put, runs nothing and records nothing', () =>
    law({ ...pure, ...harmless, actions: everyChange }, async (shape) => {
      const played = await begun(shape);
      await changes(played, shape.actions);
      await runs(played);
      for (const [key, value] of played.values) await played.put(key, value);
      const { added, ran, account } = await runs(played);
      expect(ran).toEqual([]);
      expect(
        added
          .filter(({ type }) => !type.startsWith('run-'))
          .filter((event) => event.type !== 'step-settled' || event.outcome !== 'skipped'),
      ).toEqual([]);
      expect(Object.values(account.outcomes ?? {}).filter((outcome) => outcome !== 'fresh' && outcome !== 'absent')).toEqual([]);
      expect(Object.values((await played.freshness()).got)).not.toContain(false);
    }));

  test('I8 there and back again: a source that gets its old value gives readers what they had', () =>
    law({ ...pure, actions: ['put'] }, async (shape) => {
      const played = await begun(shape);
      const before = new Map(played.values);
      const { account } = await runs(played);
      const seen = await readersSee(played);
      await changes(played, shape.actions);
      const there = await runs(played);
      for (const [key, value] of before) await played.put(key, value);
      const back = await runs(played);
      const came = Object.entries(account.outcomes ?? {}).filter(([, outcome]) => !/failed|blocked/.test(outcome));
      const now = await readersSee(played);
      for (const [key] of came) expect([key, now.get(key)]).toEqual([key, seen.get(key)]);
      // Who did not run for the change there has nothing to run for on the way back, but for what had failed.
      const idle = back.ran.filter((id) => !there.ran.includes(id) && there.account.settled?.[id] === 'reused');
      expect(idle).toEqual([]);
    }));

  test('I9 batching: one refresh after several changes leaves readers what a refresh after each leaves', () =>
    law({ ...pure, actions: everyChange }, async (shape) => {
      const [together, each] = [await begun(shape), await begun(shape)];
      for (const action of shape.actions) {
        await changes(together, [action]);
        await changes(each, [action]);
        await runs(each);
      }
      const [once, last] = [await runs(together), await runs(each)];
      expect(cameOf(once)).toEqual(cameOf(last));
      expect(valuesOf(once, await readersSee(together))).toEqual(valuesOf(last, await readersSee(each)));
    }));

  /** How each asset came out, whether or not it had to be made. */
  function cameOf({ account: { outcomes = {} } }: Ran): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(outcomes).map(([key, outcome]) => [key, /materialized|unchanged|fresh/.test(outcome) ? 'a value' : outcome]),
    );
  }

  /** What readers get of assets that came out with a value; what failed or is absent is read as it was before, if at all. */
  function valuesOf(ran: Ran, seen: ReadonlyMap<string, string>): Readonly<Record<string, string | undefined>> {
    const came = Object.entries(cameOf(ran)).filter(([, outcome]) => outcome === 'a value');
    return Object.fromEntries(came.map(([key]) => [key, seen.get(key)]));
  }

  test('I10 independent changes commute: two sources changed in either order leave readers the same', () =>
    law({ ...pure, actions: ['put'] }, async (shape) => {
      const [one, other] = [await begun(shape), await begun(shape)];
      const changed = [...one.values.keys()].map((key, place) => [key, (shape.sources[place] ?? 0) + 1 + place] as const);
      for (const played of [one, other]) {
        await runs(played);
        for (const [key, value] of played === one ? changed : changed.toReversed()) {
          await played.put(key, value);
          await runs(played);
        }
      }
      const [last, otherLast] = [await runs(one), await runs(other)];
      expect(cameOf(last)).toEqual(cameOf(otherLast));
      expect(valuesOf(last, await readersSee(one))).toEqual(valuesOf(otherLast, await readersSee(other)));
    }));

  test('I11 new code: its step runs, and of what is downstream only what another output reaches', () =>
    law({ ...pure, ...harmless, actions: ['put'] }, async (shape) => {
      const played = await begun(shape);
      await runs(played);
      const { id, index } = stepAt(played, shape);
      await changes(played, [{ do: 'code', step: index }]);
      const { ran, added, account } = await runs(played);
      const cone = downstreamOf(played, id);
      expect(ran.filter((each) => each !== id && !cone.has(each))).toEqual([]);
      expect(ran.includes(id)).toBe(account.settled?.[id] === 'succeeded');
      const again = idsOf(played, repeated(await eventsFrom(played.store, 1), added[0]?.position ?? 1));
      expect(again).toEqual([]);
    }));

  test('I15 subset and incremental: widening a selection runs only what is missing, and gives what the wide one gives', () =>
    law({ ...pure, ...harmless, actions: ['put'] }, async (shape) => {
      const [narrow, wide] = [await begun(shape), await begun(shape)];
      const first = await runs(narrow, { ...refreshAll, chosen: 1 + (((shape.sources[0] ?? 0) * 7919) % 1021) });
      const second = await runs(narrow);
      const all = await runs(wide);
      const needed = ({ account }: Ran): readonly string[] => account.ran ?? [];
      expect(needed(second).filter((each) => needed(first).includes(each))).toEqual([]);
      expect(new Set([...first.ran, ...second.ran])).toEqual(new Set(all.ran));
      expect(await readersSee(narrow)).toEqual(await readersSee(wide));
    }));

  test('I16 memory: how many traces of an output are tried changes no value, and never makes a step run that would not have', () =>
    law({ ...pure, ...harmless, actions: ['put', 'touch', 'config'] }, async (shape) => {
      const [last, many] = [await begun(shape), await begun(shape, { traces: 8 })];
      for (const action of shape.actions) {
        const [some, fewer] = await Promise.all(
          [last, many].map(async (played) => {
            await changes(played, [action]);
            return (await played.engineRun(played.question(refreshAll), 0)).account;
          }),
        );
        expect((fewer?.ran ?? []).filter((each) => some?.ran?.includes(each) !== true)).toEqual([]);
        expect(await readersSee(many)).toEqual(await readersSee(last));
      }
    }));

  test('I17 eviction: losing values changes no value, only what runs', () =>
    law({ ...pure, maxActions: 8, actions: ['put', 'lose', 'touch', 'run', 'lose'] }, async (shape) => {
      const [losing, keeping] = [await begun(shape), await begun(shape)];
      for (const action of shape.actions) {
        if (action.do !== 'run') {
          await changes(losing, [action]);
          if (action.do !== 'lose') await changes(keeping, [action]);
          continue;
        }
        const asked = { ...action, mode: 'refresh', cancelAfter: 0, unselectedOutputs: 'discard', crossGraphUpstream: 'auto' } as const;
        const [some, all] = [await runs(losing, asked), await runs(keeping, asked)];
        expect(all.ran.filter((id) => !some.ran.includes(id))).toEqual([]);
        expect(await readersSee(losing)).toEqual(await readersSee(keeping));
      }
    }));

  test('I22 what failed by itself is not remembered: the next refresh tries it again, and recovery clears the cone', () =>
    law({ ...pure, ...harmless, actions: ['put'] }, async (shape) => {
      const played = await begun(shape);
      await runs(played);
      const seen = await readersSee(played);
      const { id, index } = stepAt(played, shape);
      await changes(played, [
        { do: 'touch', step: index },
        { do: 'break', step: index },
      ]);
      const broken = await runs(played);
      if (broken.account.settled?.[id] !== 'failed') return;
      expect(await readersSee(played)).toEqual(seen);
      expect((await runs(played)).ran).toEqual([id]);
      await changes(played, [{ do: 'break', step: index }]);
      const healed = await runs(played);
      // Only the step itself has to run: what is downstream of it still has traces that hold.
      expect(healed.ran).toEqual([id]);
      expect(await readersSee(played)).toEqual(seen);
      const missed = Object.entries(broken.account.outcomes ?? {}).filter(([, outcome]) => /failed|blocked/.test(outcome));
      for (const [key] of missed)
        expect([key, healed.account.outcomes?.[key]]).toEqual([key, seen.get(key) === 'absent' ? 'absent' : 'unchanged']);
      expect((await runs(played)).ran).toEqual([]);
    }));

  test('I23 another graph: what stands where it stood, with the code and inputs that it had, does not run', () =>
    law({ ...pure, actions: ['rename', 'op', 'nest', 'remove', 'asset', 'optional', 'rewire', 'add'] }, async (shape) => {
      const played = await begun(shape);
      await runs(played);
      for (const action of shape.actions) {
        await changes(played, [action]);
        const { added } = await runs(played);
        expect(idsOf(played, repeated(await eventsFrom(played.store, 1), added[0]?.position ?? 1))).toEqual([]);
      }
    }));

  test('F1 a list that is wired in another order is another list, though every entry is as it was', async () => {
    const one = op({ name: 'one', codeVersion: '1', run: () => 1 });
    const two = op({ name: 'two', codeVersion: '1', run: () => 2 });
    const join = op({ name: 'join', codeVersion: '1', inputs: { all: list<number>() }, run: ({ all }) => all.join() });
    const defsWith = (isReversed: boolean): Definitions => {
      const body = graph('joined', () => join({ all: isReversed ? [two(), one()] : [one(), two()] }));
      return define({ assets: [assetsFromGraph(body)] });
    };
    const store = memoryStore();
    const value = async (isReversed: boolean): Promise<unknown> => (await refresh(defsWith(isReversed), { store })).value('joined');
    expect([await value(false), await value(true), await value(true), await value(false)]).toEqual(['1,2', '2,1', '2,1', '1,2']);
  });

  test('X3 before reuse: a step that has to be skipped is skipped, though its trace holds', async () => {
    const never = op({ name: 'never', codeVersion: '1', outputs: { it: optional<number>() }, run: () => ({}) });
    // Whether an input is optional is no part of a trace.
    const defsWith = (isOptional: boolean): Definitions => {
      const it = isOptional ? input<number>({ optional: true }) : input<number>();
      const take = op({ name: 'take', codeVersion: '1', inputs: { it }, run: () => 1 });
      return define({ assets: [assetsFromGraph(graph('taken', () => take({ it: never().it })))] });
    };
    const store = memoryStore();
    const outcomes = async (isOptional: boolean): Promise<unknown> => (await refresh(defsWith(isOptional), { store })).outcome('taken');
    expect([await outcomes(true), await outcomes(true), await outcomes(false), await outcomes(true)]).toEqual([
      'materialized',
      'fresh',
      'absent',
      'materialized',
    ]);
  });

  test('S20 each wire by itself: a change of one output runs nothing that reads only another one', async () => {
    const halves = op({
      name: 'halves',
      codeVersion: '1',
      inputs: { x: input<number>() },
      outputs: { high: output<number>(), low: output<number>() },
      run: ({ x }) => ({ high: Math.floor(x / 4), low: x % 4 }),
    });
    const reader = op({ name: 'reader', codeVersion: '1', inputs: { of: list<number>() }, run: ({ of }) => of.join() });
    const after = op({ name: 'after', codeVersion: '1', inputs: { that: nothing() }, run: () => 'done' });
    const body = graph('halved', { inputs: { x: input<number>() } }, ({ x }) => {
      const { high, low } = halves({ x });
      const both = reader.as('both')({ of: [low, high] });
      return { high: reader.as('of_high')({ of: [high] }), low: reader.as('of_low')({ of: [low] }), both, after: after({ that: [high] }) };
    });
    const defs = define({ assets: [source<number>('x'), assetsFromGraph(body)] });
    const property = fc.asyncProperty(fc.array(fc.nat({ max: 15 }), { minLength: 2, maxLength: 8 }), async (values) => {
      const store = memoryStore();
      let before: number | undefined;
      for (const x of values) {
        const ran = new Set<string>();
        await refresh(defs, { store, sources: { x }, onEvent: (event) => event.type === 'step-started' && ran.add(event.step) });
        const [high, low] = before === undefined ? [true, true] : [x >> 2 !== before >> 2, x % 4 !== before % 4];
        const wanted = [...(high || low ? ['halves', 'both'] : []), ...(high ? ['of_high', 'after'] : []), ...(low ? ['of_low'] : [])];
        expect(ran).toEqual(new Set(wanted));
        before = x;
      }
    });
    await fc.assert(property, { numRuns: casesOf(60) });
  });
});
