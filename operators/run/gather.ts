import { invariant } from '../../lib/kernel/invariant.ts';
import type { OutputState } from '../../lib/events/data-version.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { PlannedEntry, PlannedInput, PlannedStep } from '../../lib/plan/plan.ts';
import type { Held, HeldValue } from './held.ts';
import { stateOf, type KeptSlot, type Slot } from './slot.ts';
import type { Supply } from './supply.ts';

/** What a step reads: the slots that are settled so far, by plan index and output index, and what comes from outside. */
export interface Readable {
  readonly slots: readonly ReadonlyMap<number, Slot>[];
  readonly supply: Supply;
  /** What is read instead where an input holds; nothing where there is no store. */
  readonly held?: Held | undefined;
}

/** What happens to a step whose inputs are settled: X2 before X3, and both before anything of it runs. */
export type Verdict = 'blocked' | 'skipped' | 'run';

/** Decides by the states of all entries alone. */
export function judge({ inputs }: PlannedStep, readable: Readable): Verdict {
  let skipped = false;
  for (const input of inputs) {
    const { optional, entries } = input;
    let absent = 0;
    for (const entry of entries) {
      const { state } = entryState(input, entry, readable);
      if (state === 'failed' || state === 'blocked') return 'blocked';
      if (state === 'absent') absent += 1;
    }
    if (!optional && entries.length > 0 && absent === entries.length) skipped = true;
  }
  return skipped ? 'skipped' : 'run';
}

/** What an input reads of an entry: what that came out as, or where the input holds, what it was last (X3). */
export function entryState({ kind, hold }: PlannedInput, entry: PlannedEntry, readable: Readable): OutputState {
  const order = kind === 'nothing' && entry.from === 'store' ? readable.supply.get(entry.key)?.order : undefined;
  if (order !== undefined) return order;
  const state = stateOfEntry(entry, readable);
  return !hold || state.state === 'value' ? state : (readable.held?.get(entry)?.state ?? NEVER);
}

/** The value of an earlier run that an input reads of an entry. */
export function heldValue({ hold }: PlannedInput, entry: PlannedEntry, readable: Readable): HeldValue | undefined {
  return hold && stateOfEntry(entry, readable).state !== 'value' ? readable.held?.get(entry) : undefined;
}

const NEVER: OutputState = Object.freeze({ state: 'absent' });

/** The state that an entry came out in, wherever it comes from. */
export function stateOfEntry(entry: PlannedEntry, { slots, supply }: Readable): OutputState {
  if (entry.from === 'store') {
    const supplied = supply.get(entry.key);
    invariant(supplied !== undefined, 'resolve pins everything that a plan reads from the store');
    return supplied.state;
  }
  const slot = slots[entry.step]?.get(entry.output);
  invariant(slot !== undefined, 'a step starts when every entry is settled');
  return stateOf(slot);
}

/** What a body is called with, and which assets and sources had to be read for it. */
export interface Gathered {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly loaded: readonly AssetKey[];
}

/** Plan indices of reused steps whose values the store no longer has: they have to be executed first. */
export interface Missing {
  readonly missing: readonly number[];
}

/**
 * The record of inputs for a step that runs. A promise only where a value has to be fetched.
 *
 * Rejects with a StoreError where a pinned value cannot be read any more.
 */
export function gather(step: PlannedStep, readable: Readable): Gathered | Promise<Gathered | Missing> {
  const loaded = loadedKeys(step, readable);
  const kept = keptSlots(step, readable);
  const held = heldValues(step, readable);
  if (loaded.length + kept.length + held.length === 0) return { inputs: inputRecord(step, readable, NOTHING), loaded };
  const fetched = [...loaded.map((key) => readable.supply.get(key)?.value()), ...held.map((value) => value.read())];
  const complete = (values: readonly unknown[], read: Fetched['kept']): Gathered => {
    const stored = new Map(loaded.map((key, index) => [key, values[index]]));
    const last = new Map(held.map((value, index) => [value, values[loaded.length + index]]));
    return { inputs: inputRecord(step, readable, { stored, kept: read, held: last }), loaded };
  };
  if (kept.length > 0) return fetchKept(kept, fetched, complete);
  return fetched.some((value) => value instanceof Promise)
    ? Promise.all(fetched).then((values) => complete(values, NOTHING.kept))
    : complete(fetched, NOTHING.kept);
}

/** Values that were read for a step: those of assets and sources by key, and those of reused outputs by slot. */
interface Fetched {
  readonly stored: ReadonlyMap<AssetKey, unknown>;
  readonly kept: ReadonlyMap<KeptSlot, unknown>;
  readonly held: ReadonlyMap<HeldValue, unknown>;
}

const NOTHING: Fetched = { stored: new Map(), kept: new Map(), held: new Map() };

interface KeptEntry {
  readonly step: number;
  readonly slot: KeptSlot;
}

async function fetchKept(
  kept: readonly KeptEntry[],
  fetched: readonly unknown[],
  complete: (values: readonly unknown[], read: Fetched['kept']) => Gathered,
): Promise<Gathered | Missing> {
  const [values, reads] = await Promise.all([Promise.all(fetched), Promise.all(kept.map(({ slot }) => slot.read()))]);
  const missing = kept.filter((_, index) => reads[index] === undefined).map(({ step }) => step);
  if (missing.length > 0) return { missing: [...new Set(missing)] };
  return complete(values, new Map(kept.map(({ slot }, index) => [slot, reads[index]?.value])));
}

/** The reused outputs whose values the step is called with. */
function keptSlots({ inputs }: PlannedStep, { slots }: Readable): readonly KeptEntry[] {
  const found: KeptEntry[] = [];
  for (const { kind, entries } of inputs) {
    if (kind === 'nothing') continue;
    for (const entry of entries) {
      const slot = entry.from === 'step' ? slots[entry.step]?.get(entry.output) : undefined;
      if (entry.from === 'step' && slot?.state === 'kept' && slot.kept.state === 'value') found.push({ step: entry.step, slot });
    }
  }
  return found;
}

function heldValues({ inputs }: PlannedStep, readable: Readable): readonly HeldValue[] {
  if (readable.held === undefined || readable.held.size === 0) return NO_VALUES;
  const held = inputs.flatMap((input) => input.entries.flatMap((entry) => heldValue(input, entry, readable) ?? []));
  return [...new Set(held)];
}

const NO_VALUES: readonly HeldValue[] = Object.freeze([]);

function loadedKeys({ inputs }: PlannedStep, { supply }: Readable): readonly AssetKey[] {
  const keys = new Set<AssetKey>();
  for (const { kind, entries } of inputs) {
    if (kind === 'nothing') continue;
    for (const entry of entries) if (entry.from === 'store' && supply.get(entry.key)?.state.state === 'value') keys.add(entry.key);
  }
  return [...keys];
}

function inputRecord({ inputs }: PlannedStep, readable: Readable, fetched: Fetched): Readonly<Record<string, unknown>> {
  const fields: (readonly [string, unknown])[] = [];
  for (const input of inputs) {
    if (input.kind !== 'nothing') fields.push([input.name, inputValue(input, readable, fetched)]);
  }
  // fromEntries defines own properties, so an input named "__proto__" is an input and nothing else.
  return Object.freeze(Object.fromEntries(fields));
}

function inputValue(input: PlannedInput, readable: Readable, fetched: Fetched): unknown {
  const { kind, entries } = input;
  const values: unknown[] = [];
  for (const entry of entries) {
    const held = heldValue(input, entry, readable);
    if (held !== undefined) values.push(fetched.held.get(held));
    else if (stateOfEntry(entry, readable).state === 'value') values.push(entryValue(entry, readable, fetched));
  }
  return kind === 'list' ? Object.freeze(values) : values[0];
}

function entryValue(entry: PlannedEntry, { slots }: Readable, { stored, kept }: Fetched): unknown {
  if (entry.from === 'store') return stored.get(entry.key);
  const slot = slots[entry.step]?.get(entry.output);
  if (slot?.state === 'kept') return kept.get(slot);
  return slot?.state === 'value' ? slot.value : undefined;
}
