import { StoreError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { ReadableEvent, Verification } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { OutputId } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { DefinedAsset } from '../../lib/model/definitions.ts';
import type { Plan, PlannedEntry, PlannedStep } from '../../lib/plan/plan.ts';
import { tracedOutput } from '../../lib/plan/trace.ts';
import { planIdentity, stepsToLookAt } from '../../lib/plan/verification.ts';
import { versionsOf } from './code-version.ts';
import { lastVerification } from './last-verification.ts';
import { keptSlot, type Stored } from './reuse.ts';
import type { KeptSlot, Slot } from './slot.ts';

/** As of what a run asks which of its steps stand. */
export interface StandingQuestion extends Stored {
  readonly readsAt: Position;
  /** How many traces of an output the run tries: older ones than the last are in no verification. */
  readonly traces: number;
  /** Whether every step is looked at, whatever was verified. */
  readonly all?: boolean;
  /** Sources that have another value in this run. */
  readonly observed: Iterable<AssetKey>;
}

/** So many events may be read for each step that might stand. */
const EVENTS_A_STEP = 0.25;
const FEWEST_EVENTS = 64;

/**
 * Finds the steps of a refresh that it need not look at, since nothing has happened to them after a run verified them. None of a run that
 * loads assets, or tries older traces than the last: of those a verification says nothing.
 */
export async function standingOf(plan: Plan, question: StandingQuestion): Promise<Standing> {
  const identity = plan.mode === 'refresh' && question.traces === 1 && question.all !== true ? planIdentity(plan) : undefined;
  if (identity === undefined || identity.loadsAssets) return new Standing(plan, question, { about: undefined, looked: plan.steps });
  const { port, readsAt, observed } = question;
  const about = { plan: identity.hash, versions: versionsOf(plan, identity) };
  const limit = Math.max(FEWEST_EVENTS, plan.steps.length * EVENTS_A_STEP);
  const found = await lastVerification({ port, defs: plan.defs, plan: identity.hash, readsAt, limit });
  const all = new Standing(plan, question, { about, looked: plan.steps });
  if (found === undefined) return all;
  const { verified, since } = found;
  const keys = new Set([...since.keys, ...observed]);
  const looked = stepsToLookAt(plan.steps, verified, { keys, steps: since.steps, versions: about.versions });
  const standing = new Standing(plan, question, { about, looked });
  return (await standing.fillIn(looked)) ? standing : all;
}

interface Place {
  readonly step: number;
  readonly output: number;
}

interface Looked {
  readonly about: Pick<Verification, 'plan' | 'versions'> | undefined;
  readonly looked: readonly PlannedStep[];
}

/** Which steps of a run stand: they are reused without being looked at. What others read of them is looked up for those alone. */
export class Standing {
  /** What the run may verify; `undefined` where that is nothing. */
  readonly about: Pick<Verification, 'plan' | 'versions'> | undefined;
  /** The steps that do not stand, in order. */
  readonly looked: readonly PlannedStep[];
  /** By plan index and output: what is known so far of steps that stand, and then of all that settled. */
  readonly slots: ReadonlyMap<number, Slot>[] = [];
  /** What readers get of the assets that are looked at. */
  readonly before: Map<AssetKey, ReadableEvent> = new Map();
  readonly #plan: Plan;
  readonly #question: StandingQuestion;
  readonly #looked: ReadonlySet<number> | undefined;
  #indices: ReadonlyMap<number, number> | undefined;

  constructor(plan: Plan, question: StandingQuestion, { about, looked }: Looked) {
    this.#plan = plan;
    this.#question = question;
    this.about = about;
    this.looked = looked;
    this.#looked = looked.length === plan.steps.length ? undefined : new Set(looked.map(({ index }) => index));
  }

  /** Whether a step is reused without being looked at. */
  stands(index: number): boolean {
    return this.#looked !== undefined && !this.#looked.has(index);
  }

  /** Whether a step stands, by its index in the definitions. */
  standsIn(step: number): boolean {
    if (this.#looked === undefined) return false;
    const index = this.#indexOf(step);
    return index !== undefined && this.stands(index);
  }

  /** The steps that stand. */
  standing(): readonly PlannedStep[] {
    return this.#looked === undefined ? [] : this.#plan.steps.filter(({ index }) => this.stands(index));
  }

  /** Looks up what some steps read of steps that stand. False where the store knows nothing of one of them. */
  async fillIn(readers: readonly PlannedStep[]): Promise<boolean> {
    const missing = new Map<string, Place>();
    for (const { inputs } of readers) for (const { entries } of inputs) for (const entry of entries) this.#addMissing(entry, missing);
    return missing.size === 0 || this.#load([...missing.values()]);
  }

  /** Looks up what it takes to execute a step after all; nothing where it does not stand, and so is known. */
  revive(planned: PlannedStep): Promise<void> | undefined {
    return this.stands(planned.index) ? this.#revive(planned) : undefined;
  }

  async #revive(planned: PlannedStep): Promise<void> {
    const { port, readsAt } = this.#question;
    const keys = planned.step.outputs.flatMap(({ key }) => key ?? []);
    const [isKnown, events] = await Promise.all([this.fillIn([planned]), port.readable(keys, readsAt)]);
    for (const event of events) if (event !== undefined) this.before.set(event.key, event);
    if (isKnown) return;
    throw new StoreError(
      'STORE_CORRUPT',
      `The store ${quote(port.label)} has no trace of what step ${quote(planned.step.id)} reads, and says that a run found it whole. Verify the store.`,
      { details: { step: planned.step.id } },
    );
  }

  /** What the store has of an asset, where its step stands. */
  async slotOf({ step, outputIndex: output }: Pick<DefinedAsset, 'step' | 'outputIndex'>): Promise<Slot | undefined> {
    const index = this.#indexOf(step);
    if (index === undefined || !this.stands(index)) return undefined;
    if (this.slots[index]?.has(output) !== true) await this.#load([{ step: index, output }]);
    return this.slots[index]?.get(output);
  }

  /** The plan index of a step of the definitions. */
  #indexOf(step: number): number | undefined {
    this.#indices ??= new Map(this.#plan.steps.map((planned) => [planned.step.index, planned.index]));
    return this.#indices.get(step);
  }

  #addMissing(entry: PlannedEntry, missing: Map<string, Place>): void {
    if (entry.from !== 'step' || !this.stands(entry.step) || this.slots[entry.step]?.has(entry.output) === true) return;
    missing.set(`${entry.step}.${entry.output}`, entry);
  }

  async #load(places: readonly Place[]): Promise<boolean> {
    const { port, readsAt } = this.#question;
    const traces = await port.lastSettled(
      places.map((place) => this.#idOf(place)),
      readsAt,
    );
    for (const [which, { step, output }] of places.entries()) {
      const trace = traces[which];
      const traced = tracedOutput(trace, this.#idOf({ step, output }).output);
      if (trace === undefined || traced === undefined) return false;
      this.#keep({ step, output }, keptSlot(this.#question, trace, traced));
    }
    return true;
  }

  #keep({ step, output }: Place, slot: KeptSlot): void {
    // It may have been executed meanwhile, for a value that was gone.
    if (this.slots[step]?.has(output) === true) return;
    this.slots[step] = new Map([...(this.slots[step] ?? []), [output, slot]]);
  }

  #idOf({ step, output }: Place): OutputId {
    const { definition = '', path = '', outputs = [] } = this.#plan.steps[step]?.step ?? {};
    return { definition, step: path, output: outputs[output]?.name ?? '' };
  }
}
