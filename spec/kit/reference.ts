/**
 * The subset semantics as one naive evaluator: recursion over plain data, with no plan, no streams and no store. Engine and reference share
 * no code, so that they can be wrong together only where the rules are. The numbers are those of the rules in docs/SEMANTICS.md.
 */

/** Where one entry of an input comes from: an output of a step, by id and name, or a source. */
export type WorldEntry = { readonly step: string; readonly output: string } | { readonly source: string };

/** One input of a step, with its entries in the order wired. */
export interface WorldInput {
  readonly name: string;
  readonly kind: 'value' | 'list' | 'nothing';
  readonly optional: boolean;
  /** True where an entry without a value reads as the last one that it had (X3). */
  readonly hold?: boolean;
  readonly entries: readonly WorldEntry[];
}

/** One output of a step; `asset` is its key where it is one. */
export interface WorldOutput {
  readonly required: boolean;
  readonly asset: string | undefined;
}

/** What an execution of a step emits, in order; an error on the way fails it. */
export type WorldBody = (
  inputs: Readonly<Record<string, unknown>>,
  selected: ReadonlySet<string>,
) => Iterable<readonly [output: string, value: unknown]>;

/** One step, after nested graphs are flattened. */
export interface WorldStep {
  readonly definition: string;
  readonly inputs: readonly WorldInput[];
  readonly outputs: Readonly<Record<string, WorldOutput>>;
  readonly emit: WorldBody;
}

/** Everything that is defined: steps by id, and the values of sources. */
export interface World {
  readonly steps: Readonly<Record<string, WorldStep>>;
  readonly sources: Readonly<Record<string, unknown>>;
}

/** What is asked of a world. */
export interface Question {
  readonly select: ReadonlySet<string>;
  readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
  readonly inGraphUpstream: 'recompute' | 'load';
  readonly crossGraphUpstream: 'recompute' | 'load';
  /** What a reader gets of each asset before the run; one that is not in it never had a value. */
  readonly stored: ReadonlyMap<string, State>;
  /** The last value of each output (`id.output`), in need or recorded, and of each asset (by key), before the run: what inputs hold. */
  readonly last?: { readonly outputs: ReadonlyMap<string, Value>; readonly assets: ReadonlyMap<string, Value> };
}

type Value = { readonly value: unknown };

/** How an output came out. */
export type State = Value | 'absent' | 'failed' | 'blocked';

/** What one step of the plan did. */
export interface Settled {
  readonly outcome: 'succeeded' | 'skipped' | 'failed' | 'blocked';
  /** By output: every one in need, and what else was emitted and not discarded. */
  readonly states: ReadonlyMap<string, State>;
}

/** What the rules say about a run. */
export interface Answer {
  /** Assets and sources without a value that something would have to read; then nothing runs (N7). */
  readonly missing: ReadonlySet<string>;
  /** Step → its outputs in need, for every step of the plan (N4). */
  readonly need: ReadonlyMap<string, ReadonlySet<string>>;
  readonly steps: ReadonlyMap<string, Settled>;
  /** Step → the assets and sources that its value and list inputs read from the store. */
  readonly loaded: ReadonlyMap<string, readonly string[]>;
  /** How each asset of the selection ended, and never another one (X10). */
  readonly outcomes: ReadonlyMap<string, State>;
  /** Assets that were recorded without being selected (X7 `materialize`). */
  readonly unexpected: ReadonlyMap<string, State>;
}

/** One evaluation: what is asked, and what was found so far. */
type Run = World & Question & { readonly need: Map<string, Set<string>>; readonly settled: Map<string, Settled> };

/** Answers one question, from the rules alone. */
export function evaluate(world: World, question: Question): Answer {
  const stored = new Map([...question.stored, ...Object.entries(world.sources).map(([key, value]) => [key, { value }] as const)]);
  const run: Run = { ...world, ...question, stored, need: new Map(), settled: new Map() };
  for (const [id, { outputs }] of Object.entries(run.steps)) {
    for (const [name, { asset }] of Object.entries(outputs)) if (asset !== undefined && run.select.has(asset)) addNeed(run, id, name);
  }
  const loaded = new Map([...run.need.keys()].map((id) => [id, reads(run, id)]));
  const missing = new Set([...loaded.values()].flat().filter((key) => !stored.has(key))); // N7
  const steps = new Map(missing.size > 0 ? [] : [...run.need.keys()].map((id) => [id, settle(run, id)]));
  const assets = [...steps].flatMap(([id, { states }]) => [...states].map(([name, state]) => [assetOf(run, id, name), state] as const));
  const outcomes = new Map(assets.filter(([key]) => run.select.has(key))); // X10
  const beyond = assets.filter(([key, state]) => key !== '' && !run.select.has(key) && isValue(state));
  return { missing, need: run.need, steps, loaded, outcomes, unexpected: new Map(run.unselectedOutputs === 'materialize' ? beyond : []) }; // X7
}

/** N3: an output and, backwards through every wire that no policy ends, every output that reaches it: any input counts for all outputs. */
function addNeed(run: Run, id: string, output: string): void {
  const known = run.need.get(id) ?? new Set();
  if (known.has(output)) return;
  run.need.set(id, known.add(output));
  for (const entry of step(run, id).inputs.flatMap(({ entries }) => entries)) {
    if ('step' in entry && loadedKey(run, id, entry) === undefined) addNeed(run, entry.step, entry.output);
  }
}

/** N5, N6: the key under which an entry is read from the store; undefined where it is taken from the run. */
function loadedKey(run: Run, reader: string, entry: WorldEntry): string | undefined {
  if ('source' in entry) return entry.source;
  const asset = assetOf(run, entry.step, entry.output);
  const isSibling = step(run, entry.step).definition === step(run, reader).definition;
  const policy = isSibling ? run.inGraphUpstream : run.crossGraphUpstream;
  return asset !== '' && !run.select.has(asset) && policy === 'load' ? asset : undefined;
}

/** The assets and sources that a step reads from the store; order alone reads nothing (N7). */
function reads(run: Run, id: string): readonly string[] {
  return step(run, id).inputs.flatMap(({ kind, hold, entries }) => {
    const keys = kind === 'nothing' ? [] : entries.flatMap((entry) => loadedKey(run, id, entry) ?? []);
    return hold === true ? keys.filter((key) => run.stored.has(key)) : keys; // X3: before any value, nothing is held
  });
}

/** Each step runs once, after everything that it reads. */
function settle(run: Run, id: string): Settled {
  const settled = run.settled.get(id) ?? settleStep(run, id);
  run.settled.set(id, settled);
  return settled;
}

function settleStep(run: Run, id: string): Settled {
  const { inputs, emit } = step(run, id);
  const states = inputs.map(({ hold, entries }) =>
    entries.map((entry) => (hold === true ? heldState(run, id, entry) : stateOf(run, id, entry))),
  );
  const selected = run.need.get(id) ?? new Set();
  const all = (state: State): ReadonlyMap<string, State> => new Map([...selected].map((name) => [name, state]));
  if (states.flat().some((state) => state === 'failed' || state === 'blocked')) return { outcome: 'blocked', states: all('blocked') }; // X2
  const gone = states.map((entries) => entries.length > 0 && entries.every((state) => state === 'absent'));
  if (inputs.some(({ optional }, i) => !optional && gone[i] === true)) return { outcome: 'skipped', states: all('absent') }; // X3
  const values = states.map((entries) => entries.filter(isValue).map(({ value }) => value)); // X4: in order, without absent ones
  const given = inputs.map(({ name, kind }, i) => [name, kind === 'value' ? values[i]?.[0] : values[i]] as const);
  const record = Object.fromEntries(given.filter((_, i) => inputs[i]?.kind !== 'nothing'));
  try {
    return { outcome: 'succeeded', states: new Map([...all('absent'), ...emissions(run, id, emit(record, selected))]) };
  } catch {
    return { outcome: 'failed', states: all('failed') }; // X8: all of it, or nothing
  }
}

function stateOf(run: Run, reader: string, entry: WorldEntry): State {
  const key = loadedKey(run, reader, entry);
  if ('source' in entry || key !== undefined) return run.stored.get(key ?? '') ?? { value: undefined }; // N6: order alone counts as settled
  return settle(run, entry.step).states.get(entry.output) ?? 'absent';
}

/** X3: what an entry is, or the last value that it had. */
function heldState(run: Run, reader: string, entry: WorldEntry): State {
  const key = loadedKey(run, reader, entry);
  const state = key !== undefined && !run.stored.has(key) ? 'absent' : stateOf(run, reader, entry);
  if (isValue(state)) return state;
  const last =
    'step' in entry && key === undefined ? run.last?.outputs.get(`${entry.step}.${entry.output}`) : run.last?.assets.get(key ?? '');
  return last ?? 'absent';
}

/** What of a body's emissions goes on; throws where they fail the step. */
function emissions(run: Run, id: string, emitted: ReturnType<WorldBody>): ReadonlyMap<string, State> {
  const outputs = Object.entries(step(run, id).outputs);
  const selected = run.need.get(id) ?? new Set();
  const states = new Map<string, State>();
  for (const [name, value] of emitted) {
    if (value === undefined) continue; // X11
    if (states.has(name) || !outputs.some(([output]) => output === name)) throw new Error('X5');
    if (run.unselectedOutputs === 'error' && !selected.has(name)) throw new Error('X7');
    states.set(name, { value });
  }
  if (outputs.some(([name, { required }]) => required && selected.has(name) && !states.has(name))) throw new Error('X6');
  return new Map([...states].filter(([name]) => selected.has(name) || run.unselectedOutputs === 'materialize'));
}

// Ids come from the world itself, so there is a step under each.
const step = (world: World, id: string): WorldStep => world.steps[id] as WorldStep;

const assetOf = (world: World, id: string, output: string): string => step(world, id).outputs[output]?.asset ?? '';

const isValue = (state: State): state is Value => typeof state === 'object';
