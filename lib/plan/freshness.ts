import type { OutputState } from '../events/data-version.ts';
import type { ReadableEvent } from '../events/logged-event.ts';
import type { OutputId } from '../events/store-port.ts';
import { invariant } from '../kernel/invariant.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Definitions } from '../model/definitions.ts';
import type { Entry, Step } from '../model/step-graph.ts';
import { differenceOf, sameAsRead, tracedOutput, type EntryNow, type Trace } from './trace.ts';

/** What a store knows of the steps upstream of some assets. */
export interface Recorded {
  /** The last success of an output of a step (by step and output index): its trace. */
  readonly trace: (step: number, output: number) => Trace | undefined;
  /** What readers get of an asset or source. */
  readonly readable: (key: AssetKey) => ReadableEvent | undefined;
  /** The last value that an entry had, where it has none now and an input holds it (X3). */
  readonly held: (entry: Entry) => OutputState | undefined;
  /** Whether an asset failed, was blocked or was cancelled after what readers get of it. */
  readonly missed: (key: AssetKey) => boolean;
  /** The code version of a step, also where its op declares none (F6). */
  readonly codeVersion: (step: Step) => string;
  /**
   * Hash of the config that a run would give a step; `null` for an op that takes none. `undefined` where that cannot be known, since
   * nothing or something invalid is given: then config is no reason to call anything stale.
   */
  readonly config: (step: Step) => string | null | undefined;
  /** Whether a run verified a step and nothing has happened to it since, by step index: then its traces hold, and readers get what it gave. */
  readonly stands: Stands;
}

/** Says of a step, by its index, whether it need not be looked at. */
export type Stands = (step: number) => boolean;

/** Why something is not what a run would make of it now. */
export interface Stale {
  readonly cause: 'never' | 'code' | 'config' | 'wiring' | 'volatile' | 'data' | 'failed' | 'upstream';
  /** What changed: a source's or asset's key, or a step's id. */
  readonly what: string;
}

/** What would come out on an output, as far as that is known without running anything. */
type Expected = { readonly state: OutputState } | Unknown;

/** Nothing is known before something has run, or was put; `ofSource` where the latter. */
interface Unknown {
  readonly stale: Stale;
  readonly ofSource?: boolean;
}

/** An output of a step, by indices and by names. */
export interface UpstreamOutput extends OutputId {
  readonly stepIndex: number;
  readonly outputIndex: number;
}

/**
 * Every step that some assets depend on, with the outputs that are read: what has to be looked up to know whether they are stale. What stands
 * is known, and so is all that is upstream of it.
 */
export function upstreamOutputs(defs: Definitions, keys: Iterable<AssetKey>, stands: Stands): readonly UpstreamOutput[] {
  const found: UpstreamOutput[] = [];
  // One for each step from the start: filled from the end, a growing array would be slow to find anything in.
  const seen = Array.from(defs.graph.steps, (): boolean[] => []);
  const open: Place[] = [...keys].map((key) => defs.graph.placeOf(key)).filter(({ step }) => !stands(step));
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const step = defs.graph.steps[place.step];
    const outputs = seen[place.step];
    if (step === undefined || outputs === undefined || outputs[place.output] === true) continue;
    const isFirst = outputs.length === 0;
    outputs[place.output] = true;
    const output = step.outputs[place.output]?.name ?? '';
    found.push({ definition: step.definition, step: step.path, output, stepIndex: place.step, outputIndex: place.output });
    if (!isFirst || stands(place.step)) continue;
    addUpstream(step, open);
  }
  return found;
}

function addUpstream({ inputs }: Step, open: Place[]): void {
  for (const { entries } of inputs) for (const entry of entries) if (entry.from === 'step') open.push(entry);
}

interface Place {
  readonly step: number;
  readonly output: number;
}

/**
 * Says what a refresh would find (F1, F2), upstream before downstream, without running anything: a step whose inputs are as they were when
 * its trace was written gives what it gave. Answers are remembered, so a whole graph costs one visit an output; the walk keeps a stack of
 * its own and takes chains of any length.
 */
export class Freshness {
  readonly #defs: Definitions;
  readonly #recorded: Recorded;
  /** By step, then by output. */
  readonly #known: (Expected | undefined)[][];

  constructor(defs: Definitions, recorded: Recorded) {
    this.#defs = defs;
    this.#recorded = recorded;
    this.#known = Array.from(defs.graph.steps, () => []);
  }

  /** Why the asset is stale; `undefined` where it is what a run would make of it. */
  ofAsset(key: AssetKey): Stale | undefined {
    const place = this.#defs.graph.placeOf(key);
    if (this.#recorded.stands(place.step)) return undefined;
    const expected = this.#ofOutput(place);
    if ('stale' in expected) return expected.stale;
    if (this.#recorded.missed(key)) return { cause: 'failed', what: key };
    const event = this.#recorded.readable(key);
    if (sameAsRead(expected.state, event)) return undefined;
    return { cause: event === undefined ? 'never' : 'data', what: key };
  }

  /** What readers get of an asset that was asked about. */
  readable(key: AssetKey): ReadableEvent | undefined {
    return this.#recorded.readable(key);
  }

  #ofOutput(place: Place): Expected {
    const open = [place];
    for (let next = open.at(-1); next !== undefined; next = open.at(-1)) {
      if (this.#at(next) === undefined) {
        const waiting = this.#unknownUpstream(next.step);
        if (waiting.length > 0) {
          open.push(...waiting);
          continue;
        }
        (this.#known[next.step] ??= [])[next.output] = this.#judge(next);
      }
      open.pop();
    }
    const found = this.#at(place);
    invariant(found !== undefined, 'the walk ends when the first place is known');
    return found;
  }

  #at({ step, output }: Place): Expected | undefined {
    return this.#known[step]?.[output];
  }

  #unknownUpstream(step: number): readonly Place[] {
    const waiting: Place[] = [];
    if (this.#recorded.stands(step)) return waiting;
    for (const { entries } of this.#defs.graph.steps[step]?.inputs ?? [])
      for (const entry of entries) if (entry.from === 'step' && this.#at(entry) === undefined) waiting.push(entry);
    return waiting;
  }

  #judge({ step: index, output }: Place): Expected {
    const step = this.#defs.graph.steps[index];
    invariant(step !== undefined, 'every place is one of the graph');
    if (this.#recorded.stands(index)) return this.#asTraced(step, output);
    const entries: EntryNow[] = [];
    let skipped = false;
    for (const { name, kind, optional, hold, entries: wired } of step.inputs) {
      let absent = 0;
      for (const entry of wired) {
        const expected = hold ? this.#ofHeld(entry) : this.#ofEntry(entry);
        if ('stale' in expected) return passedOn(expected);
        if (expected.state.state === 'absent') absent += 1;
        entries.push({ input: name, kind, ...this.#sourceOf(entry), state: expected.state });
      }
      if (!optional && wired.length > 0 && absent === wired.length) skipped = true;
    }
    // A skip writes no trace, and needs none (F1, F2).
    return skipped ? ABSENT : this.#judgeTrace(step, output, entries);
  }

  #asTraced(step: Step, output: number): Expected {
    const traced = tracedOutput(this.#recorded.trace(step.index, output), step.outputs[output]?.name ?? '');
    return traced ?? { stale: { cause: 'never', what: step.id } };
  }

  #judgeTrace(step: Step, output: number, entries: readonly EntryNow[]): Expected {
    if (step.op.volatile) return { stale: { cause: 'volatile', what: step.id } };
    const trace = this.#recorded.trace(step.index, output);
    const now = { op: step.op.name, codeVersion: this.#recorded.codeVersion(step), config: this.#recorded.config(step), entries };
    const difference = differenceOf(trace, now);
    const traced = tracedOutput(trace, step.outputs[output]?.name ?? '');
    if (difference === undefined && traced !== undefined) return traced;
    if (difference?.cause === 'data') return { stale: { cause: 'data', what: this.#nameOf(step, entries, difference.entry) } };
    const cause = difference?.cause === 'op' ? 'code' : (difference?.cause ?? 'never');
    return { stale: { cause, what: step.id } };
  }

  #ofEntry(entry: Entry): Expected {
    if (entry.from === 'source') {
      const event = this.#recorded.readable(entry.key);
      if (event === undefined) return { stale: { cause: 'never', what: entry.key }, ofSource: true };
      return { state: event.type === 'asset-absent' ? { state: 'absent' } : { state: 'value', version: event.version } };
    }
    const known = this.#at(entry);
    invariant(known !== undefined, 'what is upstream is judged first');
    return known;
  }

  #ofHeld(entry: Entry): Expected {
    const expected = this.#ofEntry(entry);
    if ('stale' in expected) return expected.ofSource === true ? ABSENT : expected;
    return expected.state.state === 'value' ? expected : { state: this.#recorded.held(entry) ?? ABSENT.state };
  }

  #sourceOf(entry: Entry): Pick<EntryNow, 'output' | 'key'> {
    if (entry.from === 'source') return { output: undefined, key: entry.key };
    const step = this.#defs.graph.steps[entry.step];
    const output = step?.outputs[entry.output];
    return {
      output: { from: 'step', definition: step?.definition ?? '', step: step?.path ?? '', output: output?.name ?? '' },
      key: output?.key,
    };
  }

  /** What an entry of a step reads, as messages call it. */
  #nameOf(step: Step, entries: readonly EntryNow[], place: number): string {
    const key = entries[place]?.key;
    if (key !== undefined) return key;
    const entry = step.inputs.flatMap((input) => input.entries)[place];
    return entry?.from === 'step' ? (this.#defs.graph.steps[entry.step]?.id ?? '') : '';
  }
}

const ABSENT = Object.freeze({ state: Object.freeze({ state: 'absent' } as const) });

/** A source that changed, or was never put, is told as that however far upstream it is. */
function passedOn(unknown: Unknown): Unknown {
  const { cause, what } = unknown.stale;
  return unknown.ofSource === true || cause === 'data' || cause === 'upstream' ? unknown : { stale: { cause: 'upstream', what } };
}
