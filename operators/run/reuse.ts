import { invariant } from '../../lib/kernel/invariant.ts';
import { quote } from '../../lib/kernel/print.ts';
import { isDerived } from '../../lib/events/data-version.ts';
import { readStored } from '../../lib/events/keyed-value.ts';
import type { ReadableEvent, SettledOutput } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort, TraceQuestion } from '../../lib/events/store-port.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Codecs } from '../../lib/model/codec.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import type { Plan, PlannedEntry, PlannedStep } from '../../lib/plan/plan.ts';
import { differenceOf, sameAsRead, tracedOutput, type Difference, type EntryNow, type StepNow, type Trace } from '../../lib/plan/trace.ts';
import { codeVersionOf } from './code-version.ts';
import { entryState, type Readable } from './gather.ts';
import type { KeptSlot, Slot } from './slot.ts';

/** What a run found of the traces of its steps: by plan index, for each output in need, in their order, the last ones, newest first. */
export type Traces = ReadonlyMap<number, readonly (readonly Trace[])[]>;

/**
 * Whether a step may be reused where its traces hold: in a refresh all may, in a materialization under `auto` those that own no selected
 * asset (F3, F4). A volatile op is never trusted (F6).
 */
function mayBeReused({ mode, policies, selection }: Plan, { step, needed }: PlannedStep): boolean {
  if (policies.inGraphUpstream !== 'auto' || step.op.volatile) return false;
  if (mode === 'refresh') return true;
  return !needed.some((output) => {
    const key = step.outputs[output]?.key;
    return key !== undefined && selection.has(key);
  });
}

/**
 * Whether what a step makes in any case may have a version of before: one that is derived of its place, or of those that it reads, and there was
 * another name for some place (R6).
 */
function mayKeepVersions({ defs: { aliases } }: Plan, { step, needed }: PlannedStep): boolean {
  return (aliases.stepNow.size > 0 || aliases.keyNow.size > 0) && needed.some((output) => step.outputs[output]?.version === 'derived');
}

/** Of which steps, as of what, and how many. */
export interface TraceScope {
  readonly steps: readonly PlannedStep[];
  readonly readsAt: Position;
  /** What readers get of the plan's assets. */
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
  /** How many traces of an output. */
  readonly limit: number;
}

/**
 * Reads the last traces of the steps that may be reused, or may give again what has a version of before, in as many look-ups as there are to be
 * of each.
 *
 * A selected asset that was made and never recorded needs its value too, and so do outputs that are made together: where the store has
 * that no more, its trace is left out, and so the step runs.
 */
export async function readTraces(plan: Plan, port: StorePort, { steps: asked, readsAt, before, limit }: TraceScope): Promise<Traces> {
  const steps = asked.filter((planned) => mayBeReused(plan, planned) || mayKeepVersions(plan, planned));
  if (steps.length === 0) return new Map();
  const found = new Map(steps.map((planned) => [planned.index, planned.needed.map((): Trace[] => [])]));
  let open = steps.flatMap(outputsOf);
  for (let round = 0; round < limit && open.length > 0; round += 1) {
    const traces = await port.lastSettled(open, readsAt);
    open = open.flatMap((question, which) => {
      const trace = traces[which];
      if (trace === undefined) return [];
      found.get(question.index)?.[question.place]?.push(trace);
      // What is made together is only ever compared with its last execution.
      return question.together ? [] : [{ ...question, before: trace.position }];
    });
  }
  return dropValueless(plan, steps, { port, traces: found, before });
}

interface OutputTraces extends TraceQuestion {
  readonly index: number;
  /** Which of the outputs in need it is. */
  readonly place: number;
  readonly together: boolean;
}

function outputsOf({ index, step, needed }: PlannedStep): readonly OutputTraces[] {
  const { definition, path, outputs, op } = step;
  return needed.map((output, place) => ({
    definition,
    step: path,
    output: outputs[output]?.name ?? '',
    index,
    place,
    together: op.outputsTogether,
  }));
}

interface Found {
  readonly port: StorePort;
  readonly traces: Traces;
  readonly before: ReadonlyMap<AssetKey, ReadableEvent>;
}

async function dropValueless(plan: Plan, steps: readonly PlannedStep[], { port, traces, before }: Found): Promise<Traces> {
  const wanted = steps.flatMap((planned) => wantedValues(plan, planned, { traces: traces.get(planned.index) ?? [], before }));
  if (wanted.length === 0) return traces;
  const addresses = wanted.flatMap(({ address }) => address ?? []);
  const isKept = await port.has(addresses);
  const kept = new Set(addresses.filter((_, which) => isKept[which] === true));
  const gone = wanted.filter(({ address }) => address === null || !kept.has(address));
  if (gone.length === 0) return traces;
  const isGone = (trace: Trace, name: string): boolean => gone.some((each) => each.trace === trace && each.name === name);
  const left = steps.flatMap(({ index, step, needed }) => {
    const outputs = traces.get(index);
    if (outputs === undefined) return [];
    const nameAt = (place: number): string => step.outputs[needed[place] ?? -1]?.name ?? '';
    return [[index, outputs.map((each, place) => each.filter((trace) => !isGone(trace, nameAt(place))))] as const];
  });
  return new Map(left);
}

interface WantedValue {
  readonly trace: Trace;
  readonly name: string;
  /** `null` for what passed by reference, and so is nowhere. */
  readonly address: string | null;
}

/** Values without which the traces of a step are of no use. */
function wantedValues(
  { selection }: Plan,
  { step, needed }: PlannedStep,
  { traces, before }: { readonly traces: readonly (readonly Trace[])[]; readonly before: Found['before'] },
): readonly WantedValue[] {
  return needed.flatMap((output, place) => {
    const { key, name = '' } = step.outputs[output] ?? {};
    return (traces[place] ?? []).flatMap((trace) => {
      const traced = tracedOutput(trace, name);
      if (traced?.state.state !== 'value') return [];
      const toRecord = key !== undefined && selection.has(key) && !sameAsRead(traced.state, before.get(key));
      const { address } = traced;
      const isWanted = address === null ? toRecord && !mayLiveElsewhere(traced) : toRecord || step.op.outputsTogether;
      return isWanted ? [{ trace, name, address }] : [];
    });
  });
}

/**
 * Whether a value that the store has not may be one that is kept elsewhere, which only an op without declared outputs can say (X11). Others
 * passed by reference when their output was no asset yet (R6).
 */
function mayLiveElsewhere({ output, state }: SettledOutput): boolean {
  return output === 'result' && state.state === 'value' && !isDerived(state.version);
}

/** Why a step runs: the first of its outputs in need whose trace does not hold. */
export interface WhyRun {
  readonly output: number;
  readonly difference: Difference;
}

/** What is known before a run of what it may do without. */
interface Resolved {
  readonly plan: Plan;
  readonly traces: Traces;
  readonly known?: ReadonlyMap<number, ReadonlyMap<number, Slot>>;
  readonly codecs: Codecs;
}

const NONE: NonNullable<Resolved['known']> = new Map();

/** Decides for steps whose inputs have settled whether they have to run. */
export class Reuse {
  readonly #plan: Plan;
  readonly #stored: Stored;
  readonly #traces: Traces;

  readonly #known: ReadonlyMap<number, ReadonlyMap<number, Slot>>;
  #read: ReadonlySet<string> | undefined;

  constructor({ plan, traces, known = NONE, codecs }: Resolved, port: StorePort) {
    this.#plan = plan;
    this.#stored = { port, codecs };
    this.#traces = traces;
    this.#known = known;
  }

  /** The slots of a step that is reused, or why it runs; `undefined` for one that runs in any case. */
  of(planned: PlannedStep, readable: Readable): { readonly slots: ReadonlyMap<number, Slot> } | { readonly why: WhyRun } | undefined {
    const known = this.#known.get(planned.index);
    if (known !== undefined) return { slots: known };
    const traces = this.#traces.get(planned.index);
    if (traces === undefined || !mayBeReused(this.#plan, planned)) return undefined;
    const now = stepNow(this.#plan, planned, readable);
    const slots = new Map<number, KeptSlot>();
    for (const [place, output] of planned.needed.entries()) {
      const name = planned.step.outputs[output]?.name ?? '';
      const found = firstThatHolds(traces[place] ?? [], now);
      const traced = tracedOutput(found.trace, name);
      if (found.trace === undefined || traced === undefined) return { why: { output, difference: found.difference } };
      if (isOfOneRun(traced) && this.#hasReader(planned.index, output)) return { why: { output, difference: { cause: 'never' } } };
      slots.set(output, keptSlot(this.#stored, found.trace, traced));
    }
    return { slots };
  }

  /** The version that an output had when its step was called with the same last: a derived one is that again, whatever was renamed since. */
  versionThen(planned: PlannedStep, output: string, readable: Readable): string | undefined {
    const place = planned.needed.findIndex((index) => planned.step.outputs[index]?.name === output);
    const traces = this.#traces.get(planned.index)?.[place];
    if (traces === undefined || traces.length === 0) return undefined;
    const { state } = tracedOutput(firstThatHolds(traces, stepNow(this.#plan, planned, readable)).trace, output) ?? {};
    return state?.state === 'value' && isDerived(state.version) ? state.version : undefined;
  }

  /** Whether a step of the plan is called with the value of an output. */
  #hasReader(step: number, output: number): boolean {
    this.#read ??= outputsRead(this.#plan);
    return this.#read.has(`${step}.${output}`);
  }
}

function outputsRead({ steps }: Plan): ReadonlySet<string> {
  const entries = steps.flatMap(({ inputs }) => inputs.flatMap((input) => (input.kind === 'nothing' ? [] : input.entries)));
  return new Set(entries.flatMap((entry) => (entry.from === 'step' ? [`${entry.step}.${entry.output}`] : [])));
}

/** A value that passed by reference, or lives elsewhere: nobody who reads it can be reused (R6), so whoever makes it for them is not either. */
function isOfOneRun({ state, address }: SettledOutput): boolean {
  return state.state === 'value' && address === null && state.version.startsWith('run:');
}

/** The newest trace that holds, or what is another one than in the newest. */
function firstThatHolds(traces: readonly Trace[], now: StepNow): { readonly trace: Trace | undefined; readonly difference: Difference } {
  let first: Difference = { cause: 'never' };
  for (const [place, trace] of traces.entries()) {
    const difference = differenceOf(trace, now);
    if (difference === undefined) return { trace, difference: first };
    if (place === 0) first = difference;
  }
  return { trace: undefined, difference: first };
}

/** A step with its inputs as they have settled. */
export function stepNow(plan: Plan, { step, inputs, config }: PlannedStep, readable: Readable): StepNow {
  const entries: EntryNow[] = [];
  for (const input of inputs) {
    const { name, kind } = input;
    for (const entry of input.entries)
      entries.push({ input: name, kind, ...sourceOf(plan, entry), state: entryState(input, entry, readable) });
  }
  return { op: step.op.name, codeVersion: codeVersionOf(plan, step), config: config?.hash ?? null, entries };
}

function sourceOf({ steps, defs }: Plan, entry: PlannedEntry): Pick<EntryNow, 'output' | 'key'> {
  if (entry.from === 'step') {
    const step = steps[entry.step]?.step;
    return { output: idOf(step, entry.output), key: step?.outputs[entry.output]?.key };
  }
  if (entry.source) return { output: undefined, key: entry.key };
  const place = defs.graph.placeOf(entry.key);
  return { output: idOf(defs.graph.steps[place.step], place.output), key: entry.key };
}

function idOf(step: Step | undefined, output: number): EntryNow['output'] {
  invariant(step !== undefined, 'every entry points at a step of the graph');
  return { from: 'step', definition: step.definition, step: step.path, output: step.outputs[output]?.name ?? '' };
}

/** Where stored values are, and what decodes those that are no plain data. */
export interface Stored {
  readonly port: StorePort;
  readonly codecs: Codecs;
}

/** A slot of what a trace says of an output. */
export function keptSlot({ port, codecs }: Stored, trace: Trace, { output, state, address }: SettledOutput): KeptSlot {
  const { definition, step, position } = trace;
  let reading: ReturnType<KeptSlot['read']> | undefined;
  let used = false;
  const read = async (): ReturnType<KeptSlot['read']> => {
    if (address === null) return undefined;
    const read = await readStored(port, address, {
      codecs,
      place: () => ({
        what: `"${output}" of step ${quote(step)} at position ${position} in ${quote(port.label)}`,
        details: { definition, step, output, position, address },
      }),
    });
    if ('gone' in read) return undefined;
    used = true;
    return read;
  };
  return { state: 'kept', kept: state, address, trace, read: () => (reading ??= read()), isUsed: () => used };
}
