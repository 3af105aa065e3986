import { declaredVersion, emissionsOf, type Around } from './incremental-body.ts';
import type { ChangingWorld, PlacedStep, WiredInput, Wire } from './incremental-world.ts';

/**
 * Runs over a store that remembers, as one naive evaluator: recursion over plain data, with no plan, no streams, no log and no hashes. Shares
 * no code with the engine. A data version is the value itself as JSON, `~…` for what made it, and `#…` for a value that is nowhere kept; the numbers are those of
 * the rules in docs/SEMANTICS.md.
 */

/** How an output came out. `value` is what readers get while they can. */
export type Found =
  { readonly state: 'value'; readonly version: string; readonly value: unknown } | { readonly state: 'absent' | 'failed' | 'blocked' };

/** One entry of a trace: its input, and where it came from in which state. */
interface TracedEntry {
  readonly input: string;
  readonly kind: WiredInput['kind'];
  /** The output that was read in the run, or the key that was read from the store. */
  readonly from: { readonly output: string } | { readonly key: string };
  readonly state: Found;
}

interface Trace {
  readonly op: string;
  readonly code: string;
  readonly config: number | null;
  readonly entries: readonly TracedEntry[];
  readonly state: Found;
}

/** A value that may be held, and when it was written down. */
export interface Last {
  readonly found: Extract<Found, { readonly state: 'value' }>;
  readonly at: number;
}

/** What a store remembers. */
export interface Memory {
  /** What readers get of each asset and source (F8). */
  readonly readable: ReadonlyMap<string, Found>;
  /** Assets whose latest outcome was that they did not come. */
  readonly missed: ReadonlySet<string>;
  /** By output (`definition:path.output`). */
  readonly traces: ReadonlyMap<string, Trace>;
  /** The last value of each output (`definition:path.output`) and of each asset (`=key`), and when it came. */
  readonly last: ReadonlyMap<string, Last>;
  /** How many runs there were. */
  readonly runs: number;
  /** Versions whose values can be had. */
  readonly kept: ReadonlySet<string>;
}

/** A store before anything happened. */
export const NOTHING: Memory = { readable: new Map(), missed: new Set(), traces: new Map(), last: new Map(), runs: 0, kept: new Set() };

/** What is asked, and of which surroundings. */
export interface Question {
  readonly mode: 'refresh' | 'materialize';
  readonly select: ReadonlySet<string>;
  readonly unselectedOutputs: 'discard' | 'materialize' | 'error';
  readonly inGraphUpstream: 'auto' | 'recompute' | 'load';
  readonly crossGraphUpstream: 'auto' | 'load';
  readonly around: Around;
  /** Tells definitions objects apart, for ops without a version (F6). */
  readonly session: string;
  /** Tells runs apart, for values that are nowhere kept. */
  readonly run: string;
  /** For a run that was cancelled: how the steps ended that did. */
  readonly ended?: ReadonlyMap<string, string>;
}

/** What one step of the plan did. */
export interface Did {
  readonly outcome: 'succeeded' | 'reused' | 'skipped' | 'failed' | 'blocked' | 'cancelled';
  readonly states: ReadonlyMap<string, Found>;
  /** What was emitted on assets beyond need (X7 `materialize`). */
  readonly beyond: ReadonlyMap<string, Found>;
}

/** What the rules say about a run. */
export interface Answer {
  /** What has to be loaded and is not there (N7), or was and is no more. */
  readonly missing: readonly string[];
  readonly lost: readonly string[];
  readonly need: ReadonlyMap<string, ReadonlySet<string>>;
  readonly steps: ReadonlyMap<string, Did>;
  /** Steps that ran only because a value of theirs was wanted and gone. */
  readonly forced: ReadonlySet<string>;
  readonly outcomes: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, Found>;
  /** Asset events, as `type key`. */
  readonly events: readonly string[];
  readonly after: Memory;
}

interface Run extends Question {
  readonly world: ChangingWorld;
  readonly memory: Memory;
  readonly need: Map<string, Set<string>>;
  /** Reused steps that run after all, since a value of theirs is wanted (F2). */
  readonly forced: ReadonlySet<string>;
  /** Those of them whose readers alone want it: what they emit beyond need fails nothing. */
  readonly wantedBack: ReadonlySet<string>;
  readonly did: Map<string, Did>;
}

/** Answers one question, from the rules alone. */
export function answer(world: ChangingWorld, memory: Memory, question: Question): Answer {
  const need = needOf(world, question);
  let run: Run = { ...question, world, memory, need, forced: new Set(), wantedBack: new Set(), did: new Map() };
  const read = [...need.keys()].flatMap((id) => loadsOf(run, stepOf(world, id)));
  const loads = read.map(({ key }) => key);
  const missing = [...new Set(read.flatMap(({ key, hold }) => (isMissing(memory.readable.get(key), hold) ? [key] : [])))]; // N7
  const lost = loads.filter((key) => isLost(memory, memory.readable.get(key)));
  if (missing.length + lost.length > 0)
    return { missing, lost, need, steps: new Map(), forced: new Set(), outcomes: new Map(), values: new Map(), events: [], after: memory };
  for (;;) {
    for (const id of need.keys()) settle(run, id);
    const own = [...need.keys()].filter((id) => recordsLost(run, id));
    const wanted = [...need.keys()].flatMap((id) => lostUpstreamOf(run, id)).filter((id) => !run.forced.has(id));
    if (own.length + wanted.length === 0) break;
    const wantedBack = new Set([...run.wantedBack, ...wanted.filter((id) => !own.includes(id))]);
    run = { ...run, forced: new Set([...run.forced, ...own, ...wanted]), wantedBack, did: new Map() };
  }
  return { missing, lost, need, steps: run.did, forced: run.forced, ...recorded(run) };
}

const isMissing = (found: Found | undefined, hold: boolean): boolean =>
  (found === undefined && !hold) || (found?.state === 'value' && found.version.startsWith('#'));
const isLost = ({ kept }: Memory, found: Found | undefined): boolean =>
  found?.state === 'value' && !found.version.startsWith('#') && !kept.has(found.version);

/** The outputs of selected assets and, backwards, every output that reaches them (N3). */
function needOf(world: ChangingWorld, question: Question): Map<string, Set<string>> {
  const need = new Map<string, Set<string>>();
  const add = (id: string, output: string): void => {
    const known = need.get(id);
    need.set(id, (known ?? new Set()).add(output));
    if (known !== undefined) return;
    const reader = stepOf(world, id);
    for (const wire of reader.inputs.flatMap(({ entries }) => entries))
      if ('step' in wire && loadedKey(world, question, { reader, wire }) === undefined) add(wire.step, wire.output);
  };
  for (const { id, outputs } of world.steps)
    for (const { name, asset } of outputs) if (asset !== undefined && question.select.has(asset)) add(id, name);
  return need;
}

interface Reading {
  readonly reader: PlacedStep;
  readonly wire: Wire;
}

/** N5, N6: the key under which a wire reads from the store. */
function loadedKey(world: ChangingWorld, { select, ...policies }: Question, { reader, wire }: Reading): string | undefined {
  if ('source' in wire) return wire.source;
  const from = stepOf(world, wire.step);
  const { asset } = outputOf(from, wire.output);
  const policy = from.definition === reader.definition ? policies.inGraphUpstream : policies.crossGraphUpstream;
  return asset !== undefined && !select.has(asset) && policy === 'load' ? asset : undefined;
}

/** What value and list inputs of a step load; order alone loads nothing. */
function loadsOf(run: Run, reader: PlacedStep): readonly { readonly key: string; readonly hold: boolean }[] {
  return reader.inputs.flatMap(({ kind, hold, entries }) =>
    entries.flatMap((wire) => {
      const key = kind === 'nothing' ? undefined : loadedKey(run.world, run, { reader, wire });
      return key === undefined ? [] : [{ key, hold }];
    }),
  );
}

function settle(run: Run, id: string): Did {
  const did = run.did.get(id) ?? settleStep(run, stepOf(run.world, id));
  run.did.set(id, did);
  return did;
}

const NO_STATES: ReadonlyMap<string, Found> = new Map();

function settleStep(run: Run, step: PlacedStep): Did {
  const needed = [...(run.need.get(step.id) ?? [])];
  const all = (outcome: Did['outcome'], state: 'absent' | 'failed' | 'blocked'): Did => ({
    outcome,
    states: new Map(needed.map((name) => [name, { state }])),
    beyond: NO_STATES,
  });
  const ended = run.ended?.get(step.id);
  if (run.ended !== undefined && ended === undefined) return { outcome: 'cancelled', states: NO_STATES, beyond: NO_STATES };
  const inputs = step.inputs.map((input) => ({
    ...input,
    states: input.entries.map((wire) => readOf(run, input, { reader: step, wire }).state),
  }));
  if (inputs.some(({ states }) => states.some(({ state }) => state === 'failed' || state === 'blocked'))) return all('blocked', 'blocked'); // X2
  const isGone = inputs.some(({ optional, states }) => !optional && states.length > 0 && states.every(({ state }) => state === 'absent'));
  if (isGone) return all('skipped', 'absent'); // X3
  const mayReuse = !step.isVolatile && !run.forced.has(step.id) && ended !== 'succeeded' && ended !== 'failed' && mayBeReused(run, step);
  const isWhole = needed.every((name) => holds(run, step, run.memory.traces.get(outputId(step, name))));
  if (mayReuse && isWhole && !needed.some((name) => isReadOnce(run, step, name)))
    return { outcome: 'reused', states: new Map(needed.map((name) => [name, tracedState(run, step, name)])), beyond: NO_STATES }; // F2
  return execute(run, step, inputs) ?? all('failed', 'failed');
}

/** R6: what was kept nowhere is made anew for whoever may read it in this run, since nobody who reads it is ever reused. */
function isReadOnce(run: Run, step: PlacedStep, name: string): boolean {
  const state = tracedState(run, step, name);
  if (state.state !== 'value' || !state.version.startsWith('#')) return false;
  return [...run.need.keys()].some((id) => {
    const reader = stepOf(run.world, id);
    const wires = reader.inputs.flatMap(({ kind, entries }) => (kind === 'nothing' ? [] : entries));
    return wires.some(
      (wire) =>
        'step' in wire && wire.step === step.id && wire.output === name && loadedKey(run.world, run, { reader, wire }) === undefined,
    );
  });
}

/** F3, F4: a refresh may reuse every step, a materialization under `auto` those that own no selected asset. */
function mayBeReused({ mode, inGraphUpstream, need, select }: Run, { id, outputs }: PlacedStep): boolean {
  if (mode === 'refresh') return true;
  const owns = outputs.some(({ name, asset }) => asset !== undefined && need.get(id)?.has(name) === true && select.has(asset));
  return inGraphUpstream === 'auto' && !owns;
}

function tracedState(run: Run, step: PlacedStep, name: string): Found {
  return run.memory.traces.get(outputId(step, name))?.state ?? { state: 'absent' };
}

/** F1: everything in a trace is as it was. */
function holds(run: Run, step: PlacedStep, trace: Trace | undefined): boolean {
  if (trace === undefined) return false;
  if (trace.op !== step.op || trace.code !== codeOf(run, step) || trace.config !== configOf(run, step)) return false;
  const now = step.inputs.flatMap((input) => input.entries.map((wire) => ({ input, wire })));
  return (
    now.length === trace.entries.length &&
    trace.entries.every((before, index) => {
      const entry = now[index];
      if (entry === undefined || before.input !== entry.input.name || before.kind !== entry.input.kind) return false;
      return sameEntry(run, before, { reader: step, ...entry });
    })
  );
}

function sameEntry(run: Run, { kind, from, state }: TracedEntry, reading: Reading & { readonly input: WiredInput }): boolean {
  const now = readOf(run, reading.input, reading).state;
  const { wire } = reading;
  const owner = 'step' in wire ? outputId(stepOf(run.world, wire.step), wire.output) : undefined;
  const key = 'step' in wire ? outputOf(stepOf(run.world, wire.step), wire.output).asset : wire.source;
  if ('output' in from && from.output !== owner) return false;
  if ('key' in from && from.key !== key) return false;
  if (state.state !== 'value' || now.state !== 'value') return state.state === now.state;
  // Versions that do not tell the content are compared within one output alone; what was not kept cannot be had again (R6).
  const isOfContent = !state.version.startsWith('#');
  if (!isOfContent && (kind !== 'nothing' || ('key' in from && owner !== undefined))) return false;
  return state.version === now.version;
}

const UNREAD: Found = { state: 'value', version: '#none', value: undefined };

function stateOf(run: Run, { reader, wire }: Reading): Found {
  const key = loadedKey(run.world, run, { reader, wire });
  if ('source' in wire || key !== undefined) return run.memory.readable.get(key ?? '') ?? UNREAD; // N6: order alone counts as settled
  return settle(run, wire.step).states.get(wire.output) ?? { state: 'absent' };
}

/** What an input reads of a wire: what came, or where it holds and nothing did, what came last, under the name by which that is known (X3). */
function readOf(run: Run, { hold }: WiredInput, reading: Reading): { readonly state: Found; readonly from?: TracedEntry['from'] } {
  const { wire } = reading;
  const key = loadedKey(run.world, run, reading);
  const isUnknown = key !== undefined && !run.memory.readable.has(key);
  const state = stateOf(run, reading);
  if (!hold || (state.state === 'value' && !isUnknown)) return { state };
  const output = 'source' in wire || key !== undefined ? '' : outputId(stepOf(run.world, wire.step), wire.output);
  const asset = key ?? ('step' in wire ? outputOf(stepOf(run.world, wire.step), wire.output).asset : undefined) ?? '';
  const [given, recorded] = [run.memory.last.get(output), run.memory.last.get(`=${asset}`)];
  const isLater = recorded !== undefined && recorded.at > (given?.at ?? 0) && recorded.found.version !== given?.found.version;
  const last = isLater ? recorded : given;
  if (last === undefined || /^[#~]/.test(last.found.version) || !run.memory.kept.has(last.found.version))
    return { state: { state: 'absent' } };
  return { state: last.found, from: isLater ? { key: asset } : { output } };
}

type Gathered = readonly (WiredInput & { readonly states: readonly Found[] })[];

/** Undefined where the step fails: all of it, or nothing (X8). */
function execute(run: Run, step: PlacedStep, inputs: Gathered): Did | undefined {
  const selected = run.need.get(step.id) ?? new Set<string>();
  const values = inputs.map(({ states }) => states.flatMap((each) => (each.state === 'value' ? [each.value] : []))); // X4
  const given = inputs.flatMap(({ name, kind }, i) =>
    kind === 'nothing' ? [] : [[name, kind === 'value' ? values[i]?.[0] : values[i]] as const],
  );
  try {
    const emitted = new Map<string, Found>();
    for (const [name, value] of emissionsOf(step, { inputs: Object.fromEntries(given), selected }, run.around)) {
      if (value === undefined) continue; // X11
      if (emitted.has(name) || !step.outputs.some((each) => each.name === name)) return undefined; // X5
      if (run.unselectedOutputs === 'error' && !selected.has(name) && !run.wantedBack.has(step.id)) return undefined; // X7, F2
      emitted.set(name, { state: 'value', version: versionOf(run, step, { name, value }), value });
    }
    if (step.isVoid) emitted.set('result', { state: 'value', version: `#${run.run}:${step.id}`, value: undefined });
    if (step.outputs.some(({ name, required }) => required && selected.has(name) && !emitted.has(name))) return undefined; // X6
    const beyond = run.unselectedOutputs === 'materialize' ? [...emitted].filter(([name]) => !selected.has(name)) : [];
    const states = [...selected].map((name) => [name, emitted.get(name) ?? { state: 'absent' }] as const);
    return { outcome: 'succeeded', states: new Map(states), beyond: new Map(beyond) };
  } catch {
    return undefined;
  }
}

function versionOf(run: Run, step: PlacedStep, { name, value }: { readonly name: string; readonly value: unknown }): string {
  const { passes } = outputOf(step, name);
  if (passes === 'derived') return derivedVersion(run, step, name);
  return passes === 'kept' ? JSON.stringify(value) : `#${run.run}:${step.id}.${name}`;
}

/** The version of what makes an output: never of content, and never kept. */
function derivedVersion(run: Run, step: PlacedStep, name: string): string {
  const entries = step.inputs.flatMap((input) =>
    input.entries.map((wire) => {
      const { state } = readOf(run, input, { reader: step, wire });
      const from = 'step' in wire ? outputId(stepOf(run.world, wire.step), wire.output) : wire.source;
      return [input.name, input.kind, from, state.state === 'value' ? state.version : state.state];
    }),
  );
  return `~${JSON.stringify([outputId(step, name), step.op, codeOf(run, step), configOf(run, step), entries])}`;
}

/** F2: the reused steps whose values something needs that cannot be had any more. */
function lostUpstreamOf(run: Run, id: string): readonly string[] {
  const step = stepOf(run.world, id);
  const did = settle(run, id);
  if (did.outcome !== 'succeeded' && did.outcome !== 'failed') return [];
  const wires = step.inputs.flatMap(({ kind, entries }) => (kind === 'nothing' ? [] : entries));
  return wires.flatMap((wire) => {
    if ('source' in wire || loadedKey(run.world, run, { reader: step, wire }) !== undefined) return [];
    const upstream = settle(run, wire.step);
    const state = upstream.states.get(wire.output);
    return upstream.outcome === 'reused' && state?.state === 'value' && !run.memory.kept.has(state.version) ? [wire.step] : [];
  });
}

/** Whether an asset that was made and never recorded would be recorded without its value. */
function recordsLost(run: Run, id: string): boolean {
  const step = stepOf(run.world, id);
  const did = settle(run, id);
  if (did.outcome !== 'reused') return false;
  return [...did.states].some(([name, state]) => {
    const { asset } = outputOf(step, name);
    if (step.isTogether && isLost(run.memory, state)) return true;
    return asset !== undefined && run.select.has(asset) && !sameFound(state, run.memory.readable.get(asset)) && isLost(run.memory, state);
  });
}

const sameFound = (a: Found, b: Found | undefined): boolean =>
  a.state === b?.state && (a.state !== 'value' || (b.state === 'value' && a.version === b.version));

const codeOf = ({ session }: Question, step: PlacedStep): string => declaredVersion(step) ?? session;
const configOf = ({ around }: Question, step: PlacedStep): number | null => (step.takesConfig ? (around.config.get(step.id) ?? 0) : null);
const outputId = ({ definition, path }: PlacedStep, output: string): string => `${definition}:${path}.${output}`;

function stepOf({ steps }: ChangingWorld, id: string): PlacedStep {
  const step = steps.find((each) => each.id === id);
  if (step === undefined) throw new RangeError(`there is no step ${id}`);
  return step;
}

function outputOf({ id, outputs }: PlacedStep, name: string): PlacedStep['outputs'][number] {
  const output = outputs.find((each) => each.name === name);
  if (output === undefined) throw new RangeError(`there is no output ${name} of ${id}`);
  return output;
}

/** What a run leaves in the store, and how its assets ended. */
function recorded(run: Run): Pick<Answer, 'outcomes' | 'values' | 'events' | 'after'> {
  const readable = new Map(run.memory.readable);
  const missed = new Set(run.memory.missed);
  const kept = new Set(run.memory.kept);
  const last = lastAfter(run);
  const outcomes = new Map<string, string>();
  const values = new Map<string, Found>();
  const events: string[] = [];
  const keep = (state: Found): unknown => state.state === 'value' && !/^[#~]/.test(state.version) && kept.add(state.version);
  for (const [id, did] of run.did) {
    const step = stepOf(run.world, id);
    if (did.outcome === 'succeeded') for (const state of did.states.values()) keep(state);
    for (const [asset, state] of assetStates(run, step, did)) {
      const outcome = outcomeOf(run, { asset, state, did });
      if (run.select.has(asset)) outcomes.set(asset, outcome);
      if (state !== undefined) values.set(asset, state);
      const isQuiet = outcome === 'fresh' || (outcome === 'absent' && isAsBefore(run, asset, state) && !run.memory.missed.has(asset));
      if (isQuiet) continue;
      events.push(`asset-${outcome} ${asset}`);
      if (state?.state !== 'value' && state?.state !== 'absent') missed.add(asset);
      else {
        readable.set(asset, state);
        if (state.state === 'value') last.set(`=${asset}`, { found: state, at: 2 * run.memory.runs + 1 });
        missed.delete(asset);
        if (did.outcome === 'succeeded') keep(state);
      }
    }
  }
  return { outcomes, values, events, after: { readable, missed, kept, traces: tracesAfter(run), last, runs: run.memory.runs + 1 } };
}

/** The assets of a step that a run has something to say of: selected ones, and under X7 `materialize` every value that was emitted. */
function assetStates(run: Run, { id, outputs }: PlacedStep, did: Did): readonly (readonly [asset: string, state: Found | undefined])[] {
  return outputs.flatMap(({ name, asset }) => {
    if (asset === undefined) return [];
    const state = did.states.get(name) ?? did.beyond.get(name);
    if (run.select.has(asset)) return run.need.get(id)?.has(name) === true ? [[asset, state]] : [];
    const isRecorded = run.unselectedOutputs === 'materialize' && did.outcome === 'succeeded' && state?.state === 'value';
    return isRecorded ? [[asset, state]] : [];
  });
}

const isAsBefore = ({ memory }: Run, asset: string, state: Found | undefined): boolean =>
  state !== undefined && sameFound(state, memory.readable.get(asset));

/** R4, F3. */
function outcomeOf(
  run: Run,
  { asset, state, did }: { readonly asset: string; readonly state: Found | undefined; readonly did: Did },
): string {
  if (state === undefined) return 'cancelled';
  if (state.state !== 'value') return state.state;
  if (run.mode === 'materialize' || !isAsBefore(run, asset, state)) return 'materialized';
  return did.outcome === 'reused' && !run.memory.missed.has(asset) ? 'fresh' : 'unchanged';
}

/** F1, D8: a success writes traces of what was in need; outputs that belong together lose their other ones. */
function tracesAfter(run: Run): ReadonlyMap<string, Trace> {
  const traces = new Map(run.memory.traces);
  for (const [id, { outcome, states }] of run.did) {
    if (outcome !== 'succeeded') continue;
    const step = stepOf(run.world, id);
    if (step.isTogether || step.isVolatile) for (const { name } of step.outputs) traces.delete(outputId(step, name));
    for (const [name, state] of states)
      traces.set(outputId(step, name), {
        op: step.op,
        code: codeOf(run, step),
        config: configOf(run, step),
        entries: entriesOf(run, step),
        state,
      });
  }
  return traces;
}

/** The last values that outputs gave; those that belong together and were not made together are no longer of use (D8). */
function lastAfter(run: Run): Map<string, Last> {
  const last = new Map(run.memory.last);
  for (const [id, { outcome, states }] of run.did) {
    if (outcome !== 'succeeded') continue;
    const step = stepOf(run.world, id);
    for (const { name } of step.outputs) if ((step.isTogether || step.isVolatile) && !states.has(name)) last.delete(outputId(step, name));
    for (const [name, found] of states) if (found.state === 'value') last.set(outputId(step, name), { found, at: 2 * run.memory.runs });
  }
  return last;
}

function entriesOf(run: Run, step: PlacedStep): readonly TracedEntry[] {
  return step.inputs.flatMap((input) =>
    input.entries.map((wire): TracedEntry => {
      const key = loadedKey(run.world, run, { reader: step, wire });
      const { state, from: held } = readOf(run, input, { reader: step, wire });
      const from =
        held ??
        ('source' in wire || key !== undefined ? { key: key ?? '' } : { output: outputId(stepOf(run.world, wire.step), wire.output) });
      return { input: input.name, kind: input.kind, from, state };
    }),
  );
}
