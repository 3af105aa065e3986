import { sameState, type OutputState } from '../events/data-version.ts';
import type { EntryOrigin, InputEntryRecord, ReadableEvent, StepSettled } from '../events/logged-event.ts';
import type { OutputId } from '../events/store-port.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Definitions } from '../model/definitions.ts';
import type { Entry, Step } from '../model/step-graph.ts';

/** What a store knows of the steps upstream of some assets. */
export interface Recorded {
  /** The last success of an output of a step (by step and output index): its trace. */
  readonly trace: (step: number, output: number) => StepSettled | undefined;
  /** What readers get of an asset or source. */
  readonly readable: (key: AssetKey) => ReadableEvent | undefined;
  /** The code version of an op, also of one that declares none (F6). */
  readonly codeVersion: (step: Step) => string;
  /**
   * Hash of the config that this run would give a step; `null` for an op that takes none. `undefined` where that cannot be known, since this
   * run gives none or an invalid one: then config is no reason to call anything stale.
   */
  readonly config: (step: Step) => string | null | undefined;
}

/** Why an output is not what a run would make of it now. */
export interface Stale {
  readonly cause: 'never' | 'code' | 'config' | 'wiring' | 'data' | 'upstream';
  /** What changed: a source's or asset's key, or a step's id. */
  readonly what: string;
}

/** Every step that an asset depends on, with the outputs that are read: what has to be looked up to know whether it is stale. */
export function upstreamOutputs(
  defs: Definitions,
  keys: Iterable<AssetKey>,
): readonly (OutputId & { readonly stepIndex: number; readonly outputIndex: number })[] {
  const found = new Map<string, OutputId & { readonly stepIndex: number; readonly outputIndex: number }>();
  const open: { readonly step: number; readonly output: number }[] = [...keys].map((key) => defs.graph.placeOf(key));
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const id = `${place.step}.${place.output}`;
    const step = defs.graph.steps[place.step];
    if (step === undefined || found.has(id)) continue;
    found.set(id, {
      definition: step.definition,
      step: step.path,
      output: step.outputs[place.output]?.name ?? '',
      stepIndex: place.step,
      outputIndex: place.output,
    });
    for (const entry of step.inputs.flatMap(({ entries }) => entries)) if (entry.from === 'step') open.push(entry);
  }
  return [...found.values()];
}

/**
 * Says for each step output whether its trace still holds (F1), judging upstream before downstream. Answers are remembered, so that a
 * whole graph costs one visit an output; the walk keeps a stack of its own and takes chains of any length.
 */
export class Freshness {
  readonly #defs: Definitions;
  readonly #recorded: Recorded;
  readonly #known = new Map<string, Stale | undefined>();

  constructor(defs: Definitions, recorded: Recorded) {
    this.#defs = defs;
    this.#recorded = recorded;
  }

  /** Why the asset is stale; `undefined` where it is fresh. */
  ofAsset(key: AssetKey): Stale | undefined {
    const { step, output } = this.#defs.graph.placeOf(key);
    const stale = this.#ofOutput(step, output);
    if (stale !== undefined) return stale;
    const came = this.#cameOut({ step, output });
    return sameAsRead(came, this.#recorded.readable(key)) ? undefined : { cause: 'data', what: key };
  }

  #ofOutput(step: number, output: number): Stale | undefined {
    const open = [{ step, output }];
    for (let place = open.at(-1); place !== undefined; place = open.at(-1)) {
      const waiting = this.#unknownUpstream(place.step);
      if (this.#known.has(idOf(place)) || waiting.length === 0) {
        open.pop();
        if (!this.#known.has(idOf(place))) this.#known.set(idOf(place), this.#judge(place.step, place.output));
      } else for (const each of waiting) open.push(each);
    }
    return this.#known.get(idOf({ step, output }));
  }

  #unknownUpstream(step: number): readonly { readonly step: number; readonly output: number }[] {
    const entries = this.#defs.graph.steps[step]?.inputs.flatMap((input) => input.entries) ?? [];
    return entries.flatMap((entry) => (entry.from === 'step' && !this.#known.has(idOf(entry)) ? [entry] : []));
  }

  #judge(index: number, output: number): Stale | undefined {
    const step = this.#defs.graph.steps[index];
    if (step === undefined) return undefined;
    const trace = this.#recorded.trace(index, output);
    if (trace === undefined) return { cause: 'never', what: step.id };
    const cause = this.#judgeStep(step, trace);
    if (cause !== undefined) return { cause, what: step.id };
    const wired = step.inputs.flatMap(({ name, kind, entries }) => entries.map((entry) => ({ name, kind, entry })));
    if (wired.length !== trace.inputs.length) return { cause: 'wiring', what: step.id };
    for (const [place, { name, kind, entry }] of wired.entries()) {
      const before = trace.inputs[place];
      if (before === undefined || before.input !== name || before.kind !== kind || !this.#sameOrigin(before.origin, entry))
        return { cause: 'wiring', what: step.id };
      const stale = this.#judgeEntry(entry, before);
      if (stale !== undefined) return stale;
    }
    return undefined;
  }

  /** What is another one in the step itself, wherever its inputs come from. */
  #judgeStep(step: Step, trace: StepSettled): 'code' | 'config' | undefined {
    if (trace.op !== step.op.name || trace.codeVersion !== this.#recorded.codeVersion(step)) return 'code';
    const config = this.#recorded.config(step);
    return config === undefined || config === trace.config ? undefined : 'config';
  }

  #judgeEntry(entry: Entry, before: InputEntryRecord): Stale | undefined {
    if (entry.from === 'source') return this.#judgeRead(entry.key, before);
    const producer = this.#defs.graph.steps[entry.step];
    const what = producer?.id ?? '';
    if (isUnique(before)) return { cause: 'data', what };
    const upstream = this.#known.get(idOf(entry));
    if (upstream !== undefined) return { ...upstream, cause: upstream.cause === 'data' ? 'data' : 'upstream' };
    const came = this.#cameOut(entry);
    if (before.origin.from === 'asset') return this.#judgeLoaded(before.origin.key, before, came);
    return came !== undefined && sameState(before.state, came) ? undefined : { cause: 'data', what };
  }

  /** What an output's step gave last. */
  #cameOut({ step, output }: { readonly step: number; readonly output: number }): OutputState | undefined {
    return stateIn(this.#recorded.trace(step, output), this.#defs.graph.steps[step]?.outputs[output]?.name ?? '');
  }

  /**
   * An asset that was loaded must still be what readers get of it, and that must be what its step gave last: a step may have run since
   * without recording it.
   */
  #judgeLoaded(key: AssetKey, before: InputEntryRecord, came: OutputState | undefined): Stale | undefined {
    return this.#judgeRead(key, before) ?? (sameAsRead(came, this.#recorded.readable(key)) ? undefined : { cause: 'data', what: key });
  }

  #judgeRead(key: AssetKey, before: InputEntryRecord): Stale | undefined {
    return sameAsRead(before.state, this.#recorded.readable(key)) ? undefined : { cause: 'data', what: key };
  }

  #sameOrigin(origin: EntryOrigin, entry: Entry): boolean {
    if (entry.from === 'source') return origin.from === 'asset' && origin.key === entry.key;
    const step = this.#defs.graph.steps[entry.step];
    const output = step?.outputs[entry.output];
    if (origin.from === 'asset') return origin.key === output?.key;
    return origin.definition === step?.definition && origin.step === step.path && origin.output === output?.name;
  }
}

/** A value that was never kept has a version of its own in every run: whoever read it cannot know that it would get the same again (R6). */
function isUnique({ kind, state }: InputEntryRecord): boolean {
  return kind !== 'nothing' && state.state === 'value' && state.version.startsWith('run:');
}

function idOf({ step, output }: { readonly step: number; readonly output: number }): string {
  return `${step}.${output}`;
}

function stateIn(trace: StepSettled | undefined, output: string): OutputState | undefined {
  return trace?.outputs.find((each) => each.output === output)?.state;
}

function sameAsRead(state: OutputState | undefined, event: ReadableEvent | undefined): boolean {
  if (state === undefined || event === undefined) return false;
  return event.type === 'asset-absent' ? state.state === 'absent' : state.state === 'value' && state.version === event.version;
}
