import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  materialize,
  plan,
  reexecute,
  refresh,
  type Definitions,
  type LoggedEvent,
  type Plan,
  type RunEvent,
  type Store,
} from '../../../index.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import { openStore } from '../../../store/open-store.ts';
import { assetsOf, world } from '../../kit/arbitraries.ts';
import { printWorld } from '../../kit/print-world.ts';
import { defineWorld, type DefinableWorld } from '../../kit/define-world.ts';
import { newFolder } from '../../store/folder.ts';
import { ofType } from '../rig/watch-run.ts';
import { logOf } from '../rig/watched-store.ts';
import { eventsOf, mortalStore, quiet } from './reexecute-rig.ts';

const policies = [
  { inGraphUpstream: 'auto', crossGraphUpstream: 'auto' },
  { inGraphUpstream: 'auto', crossGraphUpstream: 'load' },
  { inGraphUpstream: 'recompute', crossGraphUpstream: 'auto' },
  { inGraphUpstream: 'recompute', crossGraphUpstream: 'load' },
  { inGraphUpstream: 'load', crossGraphUpstream: 'load' },
] as const;

/** How one run is taken up. */
interface Taking {
  readonly by: 'failure' | 'steps' | 'downstream';
  /** Which steps of the plan, as flags. */
  readonly chosen: readonly boolean[];
  /** Which steps fail whatever they read, as flags. */
  readonly broken: readonly boolean[];
}

interface Shape {
  readonly world: DefinableWorld;
  readonly verb: 'materialize' | 'refresh';
  readonly policy: (typeof policies)[number];
  readonly selected: readonly boolean[];
  /** Whether everything ran before, on other sources, so that there is something to load and to reuse. */
  readonly isFilled: boolean;
  readonly movedBefore: readonly boolean[];
  readonly broken: readonly boolean[];
  readonly end: 'itself' | 'killed' | 'cancelled';
  readonly endsAt: number;
  readonly takings: readonly Taking[];
}

const flags = (likely: number): fc.Arbitrary<readonly boolean[]> =>
  fc.array(
    fc.nat({ max: 9 }).map((n) => n < likely),
    { minLength: 30, maxLength: 30 },
  );

const taking: fc.Arbitrary<Taking> = fc.record({
  by: fc.constantFrom('failure', 'failure', 'steps', 'downstream'),
  chosen: flags(3),
  broken: flags(2),
});

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    world: world({ maxSteps: 8, maxDefinitions: 2 }),
    verb: fc.constantFrom('materialize', 'refresh'),
    policy: fc.constantFrom(...policies),
    selected: flags(8),
    isFilled: fc.boolean(),
    movedBefore: flags(5),
    broken: flags(2),
    end: fc.constantFrom('itself', 'itself', 'killed', 'cancelled'),
    endsAt: fc.nat({ max: 5 }),
    takings: fc.array(taking, { minLength: 1, maxLength: 3 }),
  })
  .map((shape) => ({
    ...shape,
    [fc.toStringMethod]: () => `${printWorld(shape.world)}\n${JSON.stringify({ ...shape, world: undefined })}`,
  }));

type Inputs = Readonly<Record<string, unknown>>;

/** A world whose bodies tell what they are called with, and fail when they are told to. */
class Played {
  readonly shape: Shape;
  readonly defs: Definitions;
  readonly plan: Plan;
  readonly broken = new Set<string>();
  #calls = new Map<string, Inputs>();

  constructor(shape: Shape) {
    this.shape = shape;
    this.defs = defineWorld(shape.world, {
      watch: (step, inputs) => {
        this.#calls.set(step, inputs);
        if (this.broken.has(step)) throw new Error(`${step} is broken`);
      },
    });
    this.plan = plan(this.defs, { ...this.#planning(), mode: shape.verb });
  }

  /** What bodies were called with since this was asked last. */
  called(): ReadonlyMap<string, Inputs> {
    const calls = this.#calls;
    this.#calls = new Map();
    return calls;
  }

  break(which: readonly boolean[]): void {
    this.broken.clear();
    for (const { index, step } of this.plan.steps) if (which[index] === true) this.broken.add(step.id);
  }

  /** What the store holds before the run that is taken up. */
  async fill(store: Store): Promise<void> {
    const { world, isFilled, movedBefore } = this.shape;
    if (!isFilled) return;
    const before = Object.entries(world.sources).map(([key, value], place) => [
      key,
      movedBefore[place] === true ? Number(value) + 1 : value,
    ]);
    await materialize(this.defs, { store, sources: Object.fromEntries(before), ...quiet });
  }

  /** The run that is taken up. Nothing where it was refused. */
  async first(store: Store): Promise<string | undefined> {
    const { world, broken, verb, end, endsAt } = this.shape;
    const mortal = mortalStore(store);
    const controller = new AbortController();
    let [settled, started] = [0, 0];
    if (end === 'killed') mortal.dies = ({ events }) => events.some(({ type }) => type === 'step-settled') && settled++ >= endsAt;
    const onEvent = ({ type }: RunEvent): void => {
      if (type === 'step-started' && end === 'cancelled' && started++ >= endsAt) controller.abort();
    };
    this.break(broken);
    const options = { store: mortal.store, sources: world.sources, signal: controller.signal, onEvent, ...quiet };
    const before = (await store.runs()).length;
    const { inGraphUpstream: _, ...planning } = this.#planning();
    await (
      verb === 'refresh' ? refresh(this.defs, { ...planning, ...options }) : materialize(this.defs, { ...this.#planning(), ...options })
    ).catch((error: unknown) => {
      const isKnown = error instanceof Error && /^(?:killed$|Run .* was cancelled|The store has no value)/.test(error.message);
      if (!isKnown) throw error;
    });
    this.broken.clear();
    this.called();
    return (await store.runs())[before]?.started.runId;
  }

  /** The same run, where nothing is broken and nothing reused: what each body is called with, and how each step ends. */
  async twin(): Promise<Twin> {
    const store = memoryStore();
    await this.fill(store);
    this.called();
    const { inGraphUpstream, ...others } = this.#planning();
    const result = await materialize(this.defs, {
      ...others,
      inGraphUpstream: inGraphUpstream === 'auto' ? 'recompute' : inGraphUpstream,
      store,
      sources: this.shape.world.sources,
      ...quiet,
    });
    const values = [...result.outcomes].map(([key, outcome]) => [key, outcome === 'materialized' ? result.value(key) : outcome] as const);
    return { called: this.called(), ended: new Map([...result.steps].map(([id, { outcome }]) => [id, outcome])), values: new Map(values) };
  }

  /** Others go on: sources change, and everything runs again. */
  async goOn(store: Store, by: number): Promise<void> {
    const moved = Object.entries(this.shape.world.sources).map(([key, value]) => [key, Number(value) + by]);
    await materialize(this.defs, { store, sources: Object.fromEntries(moved), ...quiet });
    this.called();
  }

  #planning() {
    const { world, policy, selected, verb } = this.shape;
    const select = assetsOf(world).filter((_, place) => selected[place] === true);
    return { select, ...policy, ...(verb === 'refresh' && ({ inGraphUpstream: 'auto' } as const)) } as const;
  }
}

interface Twin {
  readonly called: ReadonlyMap<string, Inputs>;
  readonly ended: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, unknown>;
}

/** How the steps of a run ended, by the log; `reused` are those that it did not speak of, where the run came to its end. */
async function endings(played: Played, store: Store, runId: string): Promise<Map<string, string>> {
  const events = await eventsOf(store, runId);
  const ended = ofType(events as readonly RunEvent[], 'run-ended')[0]?.status;
  const settled = new Map(
    ofType(events as readonly RunEvent[], 'step-settled').map((each) => [`${each.definition} ${each.step}`, each.outcome]),
  );
  return new Map(
    played.plan.steps.flatMap(({ step }): [string, string][] => {
      const outcome = settled.get(`${step.definition} ${step.path}`);
      if (outcome !== undefined) return [[step.id, outcome]];
      return ended === 'succeeded' || ended === 'failed' ? [[step.id, 'reused']] : [];
    }),
  );
}

const isDone = (outcome: string | undefined): boolean => outcome === 'succeeded' || outcome === 'skipped' || outcome === 'reused';

/** E2, as a naive search; `refused` where something is read that failed. */
function expectedToRun(played: Played, known: ReadonlyMap<string, string>, { by, chosen }: Taking): ReadonlySet<string> | 'refused' {
  const { steps } = played.plan;
  const readsOf = (id: string): readonly string[] =>
    (steps.find(({ step }) => step.id === id)?.inputs ?? []).flatMap(({ entries }) =>
      entries.flatMap((entry) => (entry.from === 'step' ? [steps[entry.step]?.step.id ?? ''] : [])),
    );
  const ids = steps.map(({ step }) => step.id);
  const running = new Set(by === 'failure' ? ids.filter((id) => !isDone(known.get(id))) : ids.filter((_, index) => chosen[index] === true));
  const addWhile = (find: () => string | undefined): void => {
    for (let next = find(); next !== undefined; next = find()) running.add(next);
  };
  if (by !== 'steps') addWhile(() => ids.find((id) => !running.has(id) && readsOf(id).some((each) => running.has(each))));
  const readButNotRun = (): readonly string[] => [...running].flatMap(readsOf).filter((id) => !running.has(id) && !isDone(known.get(id)));
  addWhile(() => readButNotRun().find((id) => !/failed|blocked/.test(known.get(id) ?? '')));
  return readButNotRun().length > 0 ? 'refused' : running;
}

/** Every input that a run read points at an earlier event that gave just that. */
function expectClosed(log: readonly LoggedEvent[], runId: string): void {
  for (const event of log) {
    if (event.type !== 'step-settled' || event.runId !== runId) continue;
    for (const { origin, state, position } of event.inputs) {
      if (position === null) continue;
      const found = log[position - 1];
      expect(position).toBeLessThan(event.position);
      const given =
        found?.type === 'step-settled'
          ? found.outputs.find(({ output }) => origin.from === 'step' && output === origin.output)?.state
          : found;
      if (state.state === 'value') expect(given).toMatchObject({ version: state.version });
      else if (found?.type === 'step-settled') expect(given).toEqual(state);
    }
  }
}

interface Judged {
  readonly twin: Twin;
  readonly store: Store;
  readonly root: string;
}

/** Takes a run up once, and checks all that the rules say of it. Gives the run's id, or nothing where nothing ran. */
async function takeUp(
  played: Played,
  runId: string,
  { taking, known, ...judged }: Judged & { taking: Taking; known: Map<string, string> },
) {
  const { twin, store, root } = judged;
  const expected = expectedToRun(played, known, taking);
  const { by, chosen } = taking;
  const named = played.plan.steps.flatMap(({ index, step }) => (chosen[index] === true ? [step.id] : []));
  const asked = by === 'failure' ? ({ from: 'failure' } as const) : { steps: named, downstream: by === 'downstream' };
  const head = await store.port.head();
  played.break(taking.broken);
  const taken = reexecute(played.defs, runId, { store, ...asked, ...quiet });
  if (expected === 'refused') {
    await expect(taken).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    expect([played.called().size, await store.port.head()]).toEqual([0, head]);
    return undefined;
  }
  const result = await taken;
  const called = played.called();
  const broken = new Set(played.broken);
  played.broken.clear();
  const ran = [...result.steps].filter(([, { outcome }]) => outcome !== 'reused').map(([id]) => id);
  expect(new Set(ran)).toEqual(expected);
  for (const [id, inputs] of called) expect([id, inputs]).toEqual([id, twin.called.get(id)]);
  for (const id of ran) {
    const outcome = result.steps.get(id)?.outcome;
    if (outcome !== 'blocked' && !broken.has(id)) expect([id, outcome]).toEqual([id, twin.ended.get(id)]);
    if (outcome === 'blocked' && broken.size === 0) expect([id, outcome]).toEqual([id, twin.ended.get(id)]);
  }
  for (const [key, outcome] of result.outcomes)
    if (outcome === 'materialized' || outcome === 'unchanged') expect([key, result.value(key)]).toEqual([key, twin.values.get(key)]);
  if (expected.size === 0) {
    expect(await store.port.head()).toBe(head);
    return undefined;
  }
  const started = (await store.runs()).at(-1)?.started;
  expect(started).toMatchObject({ runId: result.runId, again: { parent: runId, root } });
  expectClosed(await logOf(store), result.runId);
  for (const [id, { outcome }] of result.steps) if (outcome !== 'reused') known.set(id, outcome);
  return result.runId;
}

async function expectLaws(shape: Shape, store: Store): Promise<void> {
  const played = new Played(shape);
  await played.fill(store);
  const root = await played.first(store);
  // Refused, or cancelled before it began: there is no run to take up.
  if (root === undefined) return;
  const twin = await played.twin();
  const known = await endings(played, store, root);
  let last = root;
  for (const [place, taking] of shape.takings.entries()) {
    await played.goOn(store, 3 + place);
    last = (await takeUp(played, last, { taking, known, twin, store, root })) ?? last;
  }
  const healing: Taking = { by: 'failure', chosen: [], broken: [] };
  await takeUp(played, last, { taking: healing, known, twin, store, root });
  const made = [...known].filter(([, outcome]) => outcome !== 'reused');
  expect(made).toEqual(made.map(([id]) => [id, twin.ended.get(id)]));
}

describe('a re-execution, of any run of any world, whatever came since', () => {
  test('runs what it has to, on what that run read, and gives what that run would have given (memory)', () =>
    fc.assert(fc.asyncProperty(shapes, async (shape) => expectLaws(shape, memoryStore()))));

  test('and on disk', () =>
    fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const store = await openStore(await newFolder());
        await expectLaws(shape, store);
        await store.close();
      }),
      { numRuns: 12 },
    ));
});
