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
}

/** How an output came out. */
export type State = { readonly value: unknown } | 'absent' | 'failed' | 'blocked';

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
  /** Step → the assets and sources whose stored value its body was given, for every body that started. */
  readonly loaded: ReadonlyMap<string, ReadonlySet<string>>;
  /** How each asset of the selection ended, and never another one (X10). */
  readonly outcomes: ReadonlyMap<string, State>;
  /** Assets that were recorded without being selected (X7 `materialize`). */
  readonly unexpected: ReadonlyMap<string, State>;
}

/** Answers one question, from the rules alone. */
export function evaluate(world: World, question: Question): Answer {
  return new Evaluation(world, question).answer();
}

class Evaluation {
  readonly #need = new Map<string, Set<string>>();
  readonly #settled = new Map<string, Settled>();
  constructor(
    readonly world: World,
    readonly question: Question,
  ) {}

  answer(): Answer {
    const { select, unselectedOutputs } = this.question;
    const outputs = Object.entries(this.world.steps).flatMap(([id, step]) => Object.entries(step.outputs).map(([name, { asset = '' }]) => ({ id, name, asset })));
    for (const { id, name, asset } of outputs) if (select.has(asset)) this.#add(id, name); // N3: need starts at the selected assets
    const missing = new Set([...this.#need.keys()].flatMap((id) => this.#reads(id)).filter((key) => this.#stored(key) === undefined)); // N7
    const steps = new Map(missing.size > 0 ? [] : [...this.#need.keys()].map((id) => [id, this.#settle(id)]));
    const states = outputs.flatMap(({ id, name, asset }) => [[asset, steps.get(id)?.states.get(name)] as const].filter(isAsset));
    const started = [...steps].filter(([, { outcome }]) => outcome === 'succeeded' || outcome === 'failed');
    const loaded = new Map(started.map(([id]) => [id, new Set(this.#reads(id).filter((key) => this.#stored(key) !== 'absent'))]));
    const unexpected = states.filter(([asset, state]) => unselectedOutputs === 'materialize' && !select.has(asset) && typeof state === 'object'); // X7
    return { missing, need: this.#need, steps, loaded, outcomes: new Map(states.filter(([asset]) => select.has(asset))), unexpected: new Map(unexpected) };
  }
}
