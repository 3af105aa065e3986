import { sameState, type OutputState } from '../events/data-version.ts';
import type { EntryOrigin, InputEntryRecord, ReadableEvent, SettledOutput, StepSettled } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { InputKind } from '../model/port.ts';

/** What the log says of an output's last success (R1): the step as it was when it settled. */
export type Trace = StepSettled & { readonly position: Position };

/** One entry of a step's inputs as a run would see it now. */
export interface EntryNow {
  readonly input: string;
  readonly kind: InputKind;
  /** The output that the entry reads; a source has none. */
  readonly output: Extract<EntryOrigin, { readonly from: 'step' }> | undefined;
  /** The key of a source, or of the asset that the output is. */
  readonly key: AssetKey | undefined;
  readonly state: OutputState;
}

/** A step as a run would see it now. */
export interface StepNow {
  readonly op: string;
  readonly codeVersion: string;
  /** Hash of its config; `null` for an op without one, `undefined` where that cannot be known: then config makes no difference. */
  readonly config: string | null | undefined;
  readonly entries: readonly EntryNow[];
}

/** What keeps a trace from holding. `entry` is the place in {@link StepNow.entries} of the first one that is another. */
export type Difference =
  | { readonly cause: 'never' }
  | { readonly cause: 'op' | 'wiring' }
  | { readonly cause: 'code' | 'config'; readonly before: string | null; readonly now: string | null }
  | { readonly cause: 'data'; readonly entry: number; readonly before: InputEntryRecord };

/** What is another one than when the trace was written (F1); `undefined` where it holds. */
export function differenceOf(trace: Trace | undefined, now: StepNow): Difference | undefined {
  if (trace === undefined) return { cause: 'never' };
  if (trace.op !== now.op) return { cause: 'op' };
  if (trace.codeVersion !== now.codeVersion) return { cause: 'code', before: trace.codeVersion, now: now.codeVersion };
  if (now.config !== undefined && trace.config !== now.config) return { cause: 'config', before: trace.config, now: now.config };
  return entryDifference(trace.inputs, now.entries);
}

function entryDifference(traced: readonly InputEntryRecord[], entries: readonly EntryNow[]): Difference | undefined {
  if (traced.length !== entries.length) return { cause: 'wiring' };
  for (const [entry, current] of entries.entries()) {
    const before = traced[entry];
    if (before === undefined || !isSameEntry(before, current)) return { cause: 'wiring' };
    if (isUnrepeatable(before) || !sameState(before.state, current.state)) return { cause: 'data', entry, before };
  }
  return undefined;
}

function isSameEntry(before: InputEntryRecord, now: EntryNow): boolean {
  return before.input === now.input && before.kind === now.kind && sameOrigin(before, now);
}

/** How an output came out when its trace was written. */
export function tracedOutput(trace: Trace | undefined, output: string): SettledOutput | undefined {
  return trace?.outputs.find((each) => each.output === output);
}

/** Whether a state is what readers get of an asset already (F8). */
export function sameAsRead(state: OutputState | undefined, event: ReadableEvent | undefined): boolean {
  if (state === undefined || event === undefined) return false;
  return event.type === 'asset-absent' ? state.state === 'absent' : state.state === 'value' && state.version === event.version;
}

/**
 * An asset that was loaded from the store is the same as one that its step gives, if what was read can be compared by its content: other
 * versions only say something within one output.
 */
function sameOrigin({ origin, state }: InputEntryRecord, { output, key }: EntryNow): boolean {
  if (origin.from === 'step')
    return (
      output !== undefined && origin.definition === output.definition && origin.step === output.step && origin.output === output.output
    );
  if (origin.key !== key) return false;
  return output === undefined || state.state !== 'value' || isOfContent(state.version);
}

function isOfContent(version: string): boolean {
  // A derived one is of content too: of the very same code, config and inputs of one output.
  return version.startsWith('sha256:') || version.startsWith('keyed:') || version.startsWith('derived:');
}

/** A value that was never kept has a version of its own in every run: whoever read it cannot know that it would get the same again (R6). */
function isUnrepeatable({ kind, state }: InputEntryRecord): boolean {
  return kind !== 'nothing' && state.state === 'value' && state.version.startsWith('run:');
}
