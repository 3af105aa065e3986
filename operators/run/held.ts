import type { Address, OutputState } from '../../lib/events/data-version.ts';
import { readStored } from '../../lib/events/keyed-value.ts';
import type { EntryOrigin } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import { isRetentionStore } from '../../lib/events/retention.ts';
import type { OutputId, StorePort } from '../../lib/events/store-port.ts';
import { invariant } from '../../lib/kernel/invariant.ts';
import { StoreError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Codecs } from '../../lib/model/codec.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import type { Plan, PlannedEntry } from '../../lib/plan/plan.ts';
import { tracedOutput } from '../../lib/plan/trace.ts';

/** The last value of what an entry reads, as the log tells it. */
export interface LastValue {
  /** The output that gave it, or the asset as which it was recorded. */
  readonly origin: EntryOrigin;
  readonly state: Extract<OutputState, { readonly state: 'value' }>;
  readonly position: Position;
  readonly address: Address;
}

/** What an entry of an input that holds reads where it has no value itself (X3). */
export interface HeldValue extends LastValue {
  /** Reads the value, once a run. */
  readonly read: () => Promise<unknown>;
}

/** By entry of the plan: what is read where an input holds and the entry has no value. An entry that never had one is not in it. */
export type Held = ReadonlyMap<PlannedEntry, HeldValue>;

/** What is asked for: an output by its step, where it has one, and the key under which it is an asset. */
export interface LastQuestion {
  readonly output: OutputId | undefined;
  readonly key: AssetKey | undefined;
}

interface HoldScope {
  readonly port: StorePort;
  readonly codecs: Codecs;
  readonly readsAt: Position;
}

/**
 * What the entries of inputs that hold had last, as of a position. Cost: one look-up in a batch for all, and one more for each success since the last value.
 */
export async function readHeld(plan: Plan, { port, codecs, readsAt }: HoldScope): Promise<Held> {
  const entries = holdingEntries(plan);
  if (entries.length === 0) return NONE;
  const last = await lastValues(
    port,
    entries.map((entry) =>
      entry.from === 'store' ? { output: undefined, key: entry.key } : questionOf(plan.steps[entry.step]?.step, entry.output),
    ),
    readsAt,
  );
  const found = entries.flatMap((entry, index) => {
    const value = last[index];
    return value === undefined ? [] : [[entry, { ...value, read: valueReader({ port, codecs }, value) }] as const];
  });
  return new Map(found);
}

const NONE: Held = new Map();

function holdingEntries({ steps }: Plan): readonly PlannedEntry[] {
  return steps.flatMap(({ inputs }) => inputs.flatMap(({ hold, entries }) => (hold ? entries : [])));
}

/** The question about an output of a step. */
export function questionOf(step: Step | undefined, index: number): LastQuestion {
  invariant(step !== undefined, 'every entry points at a step of the graph');
  const { definition, path, outputs } = step;
  return { output: { definition, step: path, output: outputs[index]?.name ?? '' }, key: outputs[index]?.key };
}

/**
 * The last value of each output or asset as of a position, in the order asked; `undefined` where there was none, or it was nowhere kept.
 *
 * What a step gave last counts whether or not it was recorded as an asset: so what was selected makes no difference. What was recorded later
 * and is something else counts more: it was reused from further back, or made under the same key by another step.
 */
export async function lastValues(
  port: StorePort,
  questions: readonly LastQuestion[],
  at: Position,
): Promise<readonly (LastValue | undefined)[]> {
  const [given, recorded] = await Promise.all([lastGiven(port, questions, at), lastRecorded(port, questions, at)]);
  return questions.map((_, index) => {
    const [step, asset] = [given[index], recorded[index]];
    const isLater = asset !== undefined && asset.position > (step?.position ?? 0) && asset.state.version !== step?.state.version;
    const last = isLater ? asset : step;
    return last === undefined || last.address === null ? undefined : { ...last, address: last.address };
  });
}

/** A last value, which may be nowhere kept. */
type Found = Omit<LastValue, 'address'> & { readonly address: Address | null };

async function lastGiven(port: StorePort, questions: readonly LastQuestion[], at: Position): Promise<readonly (Found | undefined)[]> {
  const found: (Found | undefined)[] = [];
  let open = questions.flatMap(({ output }, place) => (output === undefined ? [] : [{ ...output, place }]));
  while (open.length > 0) {
    const traces = await port.lastSettled(open, at);
    open = open.flatMap((question, which) => {
      const trace = traces[which];
      const traced = tracedOutput(trace, question.output);
      if (trace === undefined || traced === undefined) return [];
      if (traced.state.state !== 'value') return [{ ...question, before: trace.position }];
      const { definition, step, output } = question;
      const origin = { from: 'step', definition, step, output } as const;
      found[question.place] = { origin, state: traced.state, position: trace.position, address: traced.address };
      return [];
    });
  }
  return found;
}

async function lastRecorded(port: StorePort, questions: readonly LastQuestion[], at: Position): Promise<readonly (Found | undefined)[]> {
  const found: (Found | undefined)[] = [];
  const asked = questions.flatMap(({ key }, place) => (key === undefined ? [] : [{ key, place }]));
  const events = asked.length === 0 ? [] : await port.readable(asked.map(({ key }) => key), at); // prettier-ignore
  for (const [which, { key, place }] of asked.entries()) {
    let event = events[which];
    while (event?.type === 'asset-absent') [event] = await port.readable([key], event.position - 1);
    if (event === undefined) continue;
    const { version, position, address } = event;
    found[place] = { origin: { from: 'asset', key }, state: { state: 'value', version }, position, address };
  }
  return found;
}

/** Last values without those that the store has removed: what held them reads as absent then, and no older value stands in. */
export async function stillKept<Entry, Value extends LastValue>(
  port: StorePort,
  last: ReadonlyMap<Entry, Value>,
): Promise<ReadonlyMap<Entry, Value>> {
  if (!isRetentionStore(port) || last.size === 0) return last;
  const removed = await port.removed([...last.values()].map(({ address }) => address));
  return new Map([...last].filter((_, index) => removed[index] === undefined));
}

/** Reads a last value, once. It was there when it was found. */
export function valueReader(
  { port, codecs }: Pick<HoldScope, 'port' | 'codecs'>,
  { origin, position, address }: LastValue,
): HeldValue['read'] {
  let reading: Promise<unknown> | undefined;
  const what = `${origin.from === 'asset' ? quote(origin.key) : `"${origin.output}" of step ${quote(origin.step)}`} at position ${position} in ${quote(port.label)}`;
  const details = { origin, position, address };
  const read = async (): Promise<unknown> => {
    const found = await readStored(port, address, { codecs, place: () => ({ what, details }) });
    if (!('gone' in found)) return found.value;
    throw new StoreError('VALUE_REMOVED', `The value of ${what}, which is held, was removed after the run had found it. Run it again.`, {
      details,
    });
  };
  return () => (reading ??= read());
}
