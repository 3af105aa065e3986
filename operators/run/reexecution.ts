import { SelectionError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote, quoteList } from '../../lib/kernel/print.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { SettledOutput } from '../../lib/events/logged-event.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { Store } from '../../lib/events/store.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedInput, PlannedStep } from '../../lib/plan/plan.ts';
import { subPlan } from '../../lib/plan/sub-plan.ts';
import { tracedOutput, type Trace } from '../../lib/plan/trace.ts';
import { findChain, readChain, type ChainEvents, type RunChain } from './parent-run.ts';
import { readHeld, stillKept, type Held } from './held.ts';
import { pin, wantedKeys, type Wanted } from './pin.ts';
import { codecsFor, missedSince, readable, type ResolvedPlan } from './resolve.ts';
import { keptSlot, type Stored } from './reuse.ts';
import { findReused, type ReusedThen } from './reused-then.ts';
import type { Slot } from './slot.ts';
import { readStates } from './step-states.ts';
import type { Supply } from './supply.ts';

/** Which steps of a run are to run again (E2). */
export type Again = { readonly from: 'failure' } | { readonly steps: readonly string[]; readonly downstream: boolean };

/** An output of a step that does not run, and who reads it. */
interface Known {
  readonly trace: Trace;
  readonly output: SettledOutput;
}

/**
 * Pins everything that the steps of a re-execution read and do not make (E3): what steps gave that do not run again, and what the first
 * run read of the store.
 *
 * Rejects with SelectionError INVALID_OPTION, MISSING_VALUE, UNKNOWN_RUN, or StoreError.
 */
export async function resolveAgain<Assets>(
  whole: Plan<Assets>,
  store: Store,
  { runId, again, traces: limit = 1 }: { readonly runId: string; readonly again: Again; readonly traces?: number },
): Promise<ResolvedPlan<Assets>> {
  const port = aliasedPort(store.port, whole.defs.aliases);
  // As it is now: a run that went on while this one waited for its turn has ended.
  const chain = await findChain(port, runId);
  const events = await readChain(port, chain);
  const codecs = codecsFor(whole, store);
  const resolving = new Resolving(whole, { port, codecs, chain, events, reused: await findReused(whole, { port, chain, events, limit }) });
  const running = resolving.running(again);
  const { plan, whole: indices } = subPlan(whole, running);
  const { started } = chain.root;
  const wanted = wantedKeys(plan);
  const read = new Map([...(await readable(port, [...wanted.keys()], started.readsAt)), ...resolving.observed]);
  const supply = pin({ port, wanted, values: new Map(), before: read, ever: read, observed: new Map(), codecs });
  checkAllThere(plan, { wanted, supply, chain });
  const known = resolving.knownSlots(plan, indices, running);
  const held = await readHeld(plan, { port, codecs, readsAt: started.readsAt });
  await checkKept(port, { plan, known, read, held });
  const head = await port.head();
  const keys = plan.steps.flatMap(({ step }) => step.outputs.flatMap(({ key }) => key ?? []));
  const before = await readable(port, keys, head);
  return {
    plan,
    readsAt: started.readsAt,
    observed: [],
    supply,
    held: await stillKept(port, held),
    before,
    missed: await missedSince([...plan.selection], { port, readsAt: head, before }),
    traces: new Map(),
    // What the first run started from too, whatever was committed since (E3). What does not run needs none.
    states: await readStates(
      plan.steps.filter(({ index }) => !known.has(index)),
      { port, readsAt: started.readsAt },
    ),
    codecs,
    known,
    again: { parent: chain.parent.started.runId, root: started.runId },
    staleInputs: [],
  };
}

interface Surroundings extends Stored {
  readonly chain: RunChain;
  readonly events: ChainEvents;
  readonly reused: ReusedThen;
}

class Resolving {
  readonly #plan: Plan;
  readonly #around: Surroundings;

  constructor(plan: Plan, around: Surroundings) {
    this.#plan = plan;
    this.#around = around;
  }

  get observed(): ChainEvents['observed'] {
    return this.#around.events.observed;
  }

  /** Plan indices of the steps that run. */
  running(again: Again): ReadonlySet<number> {
    const running = new Set('steps' in again ? this.#named(again.steps) : this.#unfinished());
    if (!('steps' in again) || again.downstream) this.#addDownstream(running);
    this.#addUnkept(running);
    return running;
  }

  /** What the steps gave that are read and do not run, as slots of the part of the plan. */
  knownSlots(part: Plan, indices: readonly number[], running: ReadonlySet<number>): ReadonlyMap<number, ReadonlyMap<number, Slot>> {
    const known = new Map<number, ReadonlyMap<number, Slot>>();
    for (const planned of part.steps) {
      const index = indices[planned.index] ?? -1;
      if (running.has(index)) continue;
      const slots = new Map<number, Slot>();
      for (const output of planned.needed) {
        const found = this.#known(index, output);
        if (found !== undefined) slots.set(output, keptSlot(this.#around, found.trace, found.output));
      }
      known.set(planned.index, slots);
    }
    return known;
  }

  #settled({ step }: PlannedStep): Trace | undefined {
    return this.#around.events.settled(step);
  }

  #unfinished(): readonly number[] {
    return this.#plan.steps.flatMap((planned) => {
      const outcome = this.#settled(planned)?.outcome;
      if (outcome === 'succeeded' || outcome === 'skipped') return [];
      return outcome === undefined && this.#around.reused.has(planned.index) ? [] : [planned.index];
    });
  }

  #named(names: readonly string[]): readonly number[] {
    const ids = new Map(
      this.#plan.steps.flatMap(({ index, step }) => [[step.id, index] as const, [`${step.definition}:${step.path}`, index] as const]),
    );
    return names.map((name) => {
      const index = ids.get(name);
      if (index !== undefined) return index;
      throw new SelectionError(
        'INVALID_OPTION',
        `"steps" names ${quote(name)}, which is no step of that run. ${suggest(name, ids.keys())}`,
        {
          details: { option: 'steps', step: name },
        },
      );
    });
  }

  #addDownstream(running: Set<number>): void {
    // Every step comes after what it reads, so one pass reaches all.
    for (const { index, inputs } of this.#plan.steps) {
      const reads = inputs.some(({ entries }) => entries.some((entry) => entry.from === 'step' && running.has(entry.step)));
      if (reads) running.add(index);
    }
  }

  /** Adds what ran, and gave by reference what a running step reads (R6), or was never asked for it. */
  #addUnkept(running: Set<number>): void {
    const open = [...running];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      for (const input of this.#plan.steps[index]?.inputs ?? []) {
        const unkept = input.entries.flatMap((entry) =>
          entry.from === 'step' && !running.has(entry.step) && !this.#isKept(entry, input) ? entry.step : [],
        );
        for (const step of unkept) running.add(step);
        open.push(...new Set(unkept));
      }
    }
  }

  #isKept(entry: { readonly step: number; readonly output: number }, { kind, hold }: PlannedInput): boolean {
    const found = this.#known(entry.step, entry.output);
    if (found === undefined) return false;
    const { state, address } = found.output;
    if (hold && state.state !== 'value') return true;
    if (state.state === 'failed' || state.state === 'blocked') throw this.#missed(entry.step, state.state);
    return state.state === 'absent' || kind === 'nothing' || address !== null;
  }

  #known(index: number, output: number): Known | undefined {
    const planned = this.#plan.steps[index];
    if (planned === undefined) return undefined;
    const trace = this.#settled(planned) ?? this.#around.reused.get(index)?.get(output);
    const found = tracedOutput(trace, planned.step.outputs[output]?.name ?? '');
    return trace === undefined || found === undefined ? undefined : { trace, output: found };
  }

  #missed(index: number, state: 'failed' | 'blocked'): SelectionError {
    const { id = '' } = this.#plan.steps[index]?.step ?? {};
    const { runId } = this.#around.chain.parent.started;
    return new SelectionError(
      'MISSING_VALUE',
      `Step ${quote(id)} ${state === 'failed' ? 'failed' : 'was blocked'} in run ${quote(runId)}, and what it would have given is read. Name it in "steps" too, or use from: "failure". Nothing ran and nothing was written.`,
      { details: { step: id, runId } },
    );
  }
}

interface WantedThen {
  readonly wanted: ReadonlyMap<AssetKey, Wanted>;
  readonly supply: Supply;
  readonly chain: RunChain;
}

/** What the store did not have when the first run read it cannot be read now: what came since is not for a step of that run (E3). */
function checkAllThere(plan: Plan, { wanted, supply, chain: { root } }: WantedThen): void {
  const missing = [...wanted].filter(([key]) => !supply.has(key));
  if (missing.length === 0) return;
  const { runId } = root.started;
  const lines = missing.map(
    ([key, { readers }]) => `${quote(key)} (${plan.defs.sources.has(key) ? 'a source; ' : ''}read by ${quoteList([...readers])})`,
  );
  throw new SelectionError(
    'MISSING_VALUE',
    `The store had no value of ${lines.slice(0, 8).join(', ')}${lines.length > 8 ? ` and ${lines.length - 8} more` : ''} when run ${quote(runId)} read it. Run the assets again instead. Nothing ran and nothing was written.`,
    { details: { missing: missing.map(([key, { readers }]) => ({ key, readers: [...readers] })), runId } },
  );
}

interface Kept {
  readonly plan: Plan;
  readonly known: ReadonlyMap<number, ReadonlyMap<number, Slot>>;
  readonly read: Awaited<ReturnType<typeof readable>>;
  readonly held: Held;
}

/** What retention has removed stops a re-execution before its first step (E4). */
async function checkKept(port: StorePort, { plan, known, read, held }: Kept): Promise<void> {
  const wanted = plan.steps.flatMap(({ inputs }) =>
    inputs.flatMap(({ kind, hold, entries }) =>
      (kind === 'nothing' ? [] : entries).flatMap((entry) => {
        const last = hold ? held.get(entry)?.address : undefined;
        if (entry.from === 'store') return addressRead(read, entry.key) ?? addressOf(entry.key, last);
        const slot = known.get(entry.step)?.get(entry.output);
        const { id = '' } = plan.steps[entry.step]?.step ?? {};
        if (slot?.state !== 'kept') return [];
        return addressOf(id, slot.kept.state === 'value' ? slot.address : last);
      }),
    ),
  );
  if (wanted.length === 0) return;
  const isKept = await port.has(wanted.map(({ address }) => address));
  const gone = new Set(wanted.flatMap(({ what }, index) => (isKept[index] === true ? [] : [what])));
  if (gone.size === 0) return;
  throw new SelectionError(
    'MISSING_VALUE',
    `The store no longer has what that run read of ${quoteList([...gone])}. Run the assets again instead. Nothing ran and nothing was written.`,
    { details: { missing: [...gone] } },
  );
}

type KeptValue = { readonly what: string; readonly address: string };

function addressRead(read: Kept['read'], key: AssetKey): readonly KeptValue[] | undefined {
  const event = read.get(key);
  return event === undefined || event.type === 'asset-absent' ? undefined : addressOf(key, event.address);
}

function addressOf(what: string, address: string | null | undefined): readonly KeptValue[] {
  return address === null || address === undefined ? [] : [{ what, address }];
}
