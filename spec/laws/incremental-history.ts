import { AbortError, materialize, refresh, SelectionError, type Definitions, type RunEvent, type Store } from '../../index.ts';
import type { AnyResult } from '../../operators/run/result.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import { plan } from '../../lib/plan/plan.ts';
import { readFreshness } from '../../operators/run/stale-inputs.ts';
import { draftOf, wirableOf, wiresAt, type Action, type AskedRun, type HistoryCase } from './incremental-arbitraries.ts';
import type { Around } from './incremental-body.ts';
import { defineChanging, type Surroundings } from './incremental-define.ts';
import { answer, NOTHING, type Answer, type Memory, type Question } from './incremental-reference.ts';
import { losingStore, type LosingStore } from '../kit/losing-store.ts';
import { assetKeys, finish, printChangingWorld, type ChangingWorld, type DraftStep } from './incremental-world.ts';

/** What a run did, in plain data that prints well. */
export interface Account {
  readonly refused?: string;
  readonly ran?: readonly string[];
  readonly settled?: Readonly<Record<string, string>>;
  readonly outcomes?: Readonly<Record<string, string>>;
  readonly events?: readonly string[];
  readonly values?: Readonly<Record<string, unknown>>;
}

const sorted = <T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** How a history is played. */
export interface Playing extends Pick<Surroundings, 'pause' | 'watch'> {
  readonly losing?: LosingStore;
  /** Closes the store and opens it again. */
  readonly reopen?: () => Promise<LosingStore>;
  /** Sees a run through, where bodies wait for a test. */
  readonly settle?: <T>(run: Promise<T>) => Promise<T>;
  readonly concurrency?: number;
  /** How many of the last traces of an output are tried. */
  readonly traces?: number;
}

/** One world, its store, and what a naive evaluator knows of them. */
export class History {
  readonly sources: readonly string[];
  drafts: readonly DraftStep[] = [];
  memory: Memory = NOTHING;
  around: Around = { config: new Map(), tick: 0, broken: new Set() };
  world: ChangingWorld;
  defs: Definitions;
  readonly values = new Map<string, number>();
  readonly #playing: Playing;
  #losing: LosingStore;
  #session = 0;
  #runs = 0;
  #added = 0;

  constructor({ sources, seeds }: Pick<HistoryCase, 'sources' | 'seeds'>, playing: Playing = {}) {
    this.#playing = playing;
    this.#losing = playing.losing ?? losingStore();
    this.sources = sources.map((_, index) => `x${index}`);
    sources.forEach((value, index) => this.values.set(`x${index}`, value));
    for (const seed of seeds) this.#add(seed);
    this.world = finish(this.sources, this.drafts);
    this.defs = this.#define();
  }

  get store(): Store {
    return this.#losing.store;
  }

  /** The question that a run asks of the rules. */
  question({ mode, chosen, unselectedOutputs, ...policies }: AskedRun): Question {
    const keys = assetKeys(this.world);
    return {
      mode,
      select: new Set(chosen === 0 ? keys : keys.filter((_, index) => ((chosen >> (index % 30)) & 1) === 1)),
      unselectedOutputs,
      inGraphUpstream: mode === 'refresh' ? 'auto' : policies.inGraphUpstream,
      crossGraphUpstream: policies.crossGraphUpstream,
      around: this.around,
      session: `session ${this.#session}`,
      run: `run ${this.#runs}`,
    };
  }

  /** Puts every source. */
  async begin(): Promise<void> {
    for (const [key, value] of this.values) await this.put(key, value);
  }

  async put(key: string, value: number): Promise<void> {
    this.values.set(key, value);
    await this.store.put(key, value);
    const version = JSON.stringify(value);
    const readable = new Map(this.memory.readable);
    const before = readable.get(key);
    if (before?.state === 'value' && before.version === version) return;
    this.memory = {
      ...this.memory,
      readable: readable.set(key, { state: 'value', version, value }),
      kept: new Set([...this.memory.kept, version]),
    };
  }

  /** Does what is no run. */
  async change(action: Exclude<Action, AskedRun>): Promise<void> {
    const changed = this.#changeWorld(action);
    if (changed !== undefined) {
      this.drafts = changed;
      this.redefine();
      return;
    }
    if (action.do === 'put') await this.put(this.sources[action.source % this.sources.length] ?? '', action.value);
    if (action.do === 'tick') this.around = { ...this.around, tick: this.around.tick + 1 };
    if (action.do === 'lose') this.#lose(action.which);
    if (action.do === 'restart') await this.restart();
    const id = 'step' in action ? this.drafts[action.step % this.drafts.length]?.id : undefined;
    if (id === undefined) return;
    const broken = new Set(this.around.broken);
    if (action.do === 'break') this.around = { ...this.around, broken: broken.delete(id) ? broken : broken.add(id) };
    if (action.do === 'config') this.around = { ...this.around, config: new Map([...this.around.config, [id, action.value]]) };
  }

  /** Another process, as far as definitions and stores can tell. */
  async restart(): Promise<void> {
    if (this.#playing.reopen !== undefined) this.#losing = await this.#playing.reopen();
    this.redefine();
  }

  /** Defines everything anew: ops without a version are trusted no longer. */
  redefine(): void {
    this.world = finish(this.sources, this.drafts);
    this.#session += 1;
    this.defs = this.#define();
  }

  #define(): Definitions {
    const { pause, watch } = this.#playing;
    const hooks = { ...(pause !== undefined && { pause }), ...(watch !== undefined && { watch }) };
    return defineChanging(this.world, { around: () => this.around, ...hooks });
  }

  #add(seed: HistoryCase['seeds'][number]): void {
    this.drafts = [...this.drafts, draftOf(seed, `s${this.#added}`, { sources: this.sources, before: this.drafts })];
    this.#added += 1;
  }

  #lose(which: number): void {
    const sources = new Set([...this.values.values()].map((value) => JSON.stringify(value)));
    const candidates = [...this.memory.kept].filter((version) => !sources.has(version));
    const version = candidates[which % candidates.length];
    if (version === undefined) return;
    this.#losing.lose(JSON.parse(version));
    this.memory = { ...this.memory, kept: new Set([...this.memory.kept].filter((each) => each !== version)) };
  }

  #changeWorld(action: Exclude<Action, AskedRun>): readonly DraftStep[] | undefined {
    if (action.do === 'add') {
      this.#add(action.seed);
      return this.drafts;
    }
    const at = 'step' in action ? action.step % this.drafts.length : -1;
    const with_ = (change: (draft: DraftStep) => DraftStep): readonly DraftStep[] =>
      this.drafts.map((draft, index) => (index === at ? change(draft) : draft));
    if (action.do === 'remove') return this.drafts.length === 1 ? undefined : this.drafts.filter((_, index) => index !== at);
    if (action.do === 'code') return with_((draft) => ({ ...draft, code: draft.code + 1 }));
    if (action.do === 'touch') return with_((draft) => ({ ...draft, touched: draft.touched + 1 }));
    if (action.do === 'rename') return with_((draft) => ({ ...draft, name: draft.name === draft.id ? `my-${draft.id}` : draft.id }));
    if (action.do === 'op') return with_((draft) => ({ ...draft, op: draft.op.startsWith('my_') ? draft.op.slice(3) : `my_${draft.op}` }));
    if (action.do === 'nest') return with_((draft) => ({ ...draft, isNested: !draft.isNested }));
    if (action.do === 'asset')
      return with_(({ outputs, ...draft }) => ({
        ...draft,
        outputs: outputs.map((each, index) => (index === action.output % outputs.length ? { ...each, isAsset: !each.isAsset } : each)),
      }));
    if (action.do === 'optional')
      return with_(({ inputs, ...draft }) => ({
        ...draft,
        inputs: inputs.map((each, index) => (index === action.input % inputs.length ? { ...each, optional: !each.optional } : each)),
      }));
    if (action.do !== 'rewire') return undefined;
    const wires = wiresAt(wirableOf(this.sources, this.drafts.slice(0, at)), action.offsets);
    return with_(({ inputs, ...draft }) => ({
      ...draft,
      inputs: inputs.map((each, index) => (index === action.input % inputs.length ? { ...each, entries: wires } : each)),
    }));
  }

  /** Runs, and gives what the engine did and what the rules say. */
  async run(
    asked: AskedRun,
  ): Promise<{ readonly got: Account; readonly wanted: Account; readonly answer: Answer; readonly question: Question }> {
    this.#runs += 1;
    const question = this.question(asked);
    const first = answer(this.world, this.memory, question);
    if (first.lost.length > 0) return { got: {}, wanted: {}, answer: first, question };
    const played = await this.engineRun(question, asked.cancelAfter);
    const ended = played.ended;
    const rules = ended === undefined ? first : answer(this.world, this.memory, { ...question, ended });
    this.memory = rules.after;
    return { got: played.account, wanted: accountOf(question, rules), answer: rules, question };
  }

  async engineRun(
    question: Question,
    cancelAfter: number,
  ): Promise<{ readonly account: Account; readonly ended?: ReadonlyMap<string, string> }> {
    const { mode, select, inGraphUpstream, ...policies } = question;
    const events: RunEvent[] = [];
    const controller = new AbortController();
    let started = 0;
    const onEvent = (event: RunEvent): void => {
      events.push(event);
      if (event.type === 'step-started' && (started += 1) === cancelAfter) controller.abort();
    };
    const config = this.#config();
    const options = {
      select: [...select],
      unselectedOutputs: policies.unselectedOutputs,
      crossGraphUpstream: policies.crossGraphUpstream,
      store: this.store,
      throwOnFailure: false,
      onEvent,
      config,
      ...(cancelAfter > 0 && { signal: controller.signal }),
      ...(this.#playing.concurrency !== undefined && { concurrency: this.#playing.concurrency }),
      ...(this.#playing.traces !== undefined && { traces: this.#playing.traces }),
    };
    const run = async (): Promise<AnyResult> =>
      mode === 'refresh' ? refresh(this.defs, options) : materialize(this.defs, { ...options, inGraphUpstream });
    const settle = this.#playing.settle ?? (async <T>(each: Promise<T>): Promise<T> => each);
    const head = await this.store.port.head();
    try {
      const result = await settle(run());
      return { account: await this.#account(events, result) };
    } catch (error) {
      if (error instanceof AbortError) {
        const ended = this.#ended(events);
        const { ran = [], ...account } = await this.#account(events, error.result);
        return {
          account: { ...account, ran: ran.filter((each) => /succeeded|failed/.test(ended.get(each.split(' ')[0] ?? '') ?? '')) },
          ended,
        };
      }
      if (!(error instanceof SelectionError)) throw error;
      const written = (await this.store.port.head()) - head;
      return { account: { refused: written === 0 ? error.code : `${error.code}, after ${written} events` } };
    }
  }

  /** Config for every op that takes it. */
  #config(): { readonly ops: Readonly<Record<string, number>> } {
    const given = this.world.steps.flatMap(({ id, op, takesConfig }) =>
      takesConfig ? [[op, this.around.config.get(id) ?? 0] as const] : [],
    );
    return { ops: Object.fromEntries(given) };
  }

  #idOf({ definition, step }: { readonly definition: string; readonly step: string }): string {
    return this.world.steps.find((each) => each.definition === definition && each.path === step)?.id ?? `${definition}:${step}`;
  }

  #ended(events: readonly RunEvent[]): ReadonlyMap<string, string> {
    return new Map(
      events.flatMap((event): readonly (readonly [string, string])[] => {
        if (event.type === 'step-reused') return [[this.#idOf(event), 'reused']];
        return event.type === 'step-settled' && event.outcome !== 'cancelled' ? [[this.#idOf(event), event.outcome]] : [];
      }),
    );
  }

  async #account(events: readonly RunEvent[], result: AnyResult): Promise<Account> {
    const values = await Promise.all(
      [...result.outcomes.keys()].map(async (key) => {
        const latest = await this.store.latest(key);
        return [
          key,
          latest === undefined || latest.type === 'asset-absent' ? latest?.type : latest.address === null ? 'elsewhere' : latest.version,
        ] as const;
      }),
    );
    return {
      ran: events
        .flatMap((event) => (event.type === 'step-started' ? [`${this.#idOf(event)} ${event.selectedOutputs.toSorted().join(' ')}`] : []))
        .toSorted(),
      settled: sorted(this.#ended(events)),
      outcomes: sorted(result.outcomes),
      events: events
        .flatMap((event) => ('key' in event && event.type.startsWith('asset-') ? [`${event.type} ${String(event.key)}`] : []))
        .toSorted(),
      values: sorted(values),
    };
  }

  /** Says of every asset whether the engine takes it for fresh, and whether the rules do. */
  async freshness(): Promise<{ readonly got: Readonly<Record<string, boolean>>; readonly wanted: Readonly<Record<string, boolean>> }> {
    const keys = [...this.defs.assets.values()].map(({ key }) => key);
    const { port } = this.store;
    const config = plan(this.defs, { config: this.#config() }).config;
    const question = { port, readsAt: await port.head(), keys, observed: new Map(), resources: new Map(), config };
    const freshness = await readFreshness(this.defs, question);
    const asked = this.question({
      do: 'run',
      mode: 'refresh',
      chosen: 0,
      unselectedOutputs: 'discard',
      inGraphUpstream: 'auto',
      crossGraphUpstream: 'auto',
      cancelAfter: 0,
    });
    // Freshness is about what is recorded, not about which values can still be had.
    const { readable, traces, kept } = this.memory;
    // What is held is not there once it is gone.
    const last = new Map([...this.memory.last].filter(([, { found }]) => kept.has(found.version)));
    const states = [
      ...readable.values(),
      ...[...traces.values()].map(({ state }) => state),
      ...[...last.values()].map(({ found }) => found),
    ];
    const memory = { ...this.memory, last, kept: new Set(states.flatMap((state) => (state.state === 'value' ? [state.version] : []))) };
    const isFresh = (key: string): boolean => {
      const { missing, lost, steps, events } = answer(this.world, memory, { ...asked, select: new Set([key]) });
      const runs = [...steps.values()].some(({ outcome }) => outcome !== 'reused' && outcome !== 'skipped');
      return missing.length === 0 && lost.length === 0 && !runs && events.length === 0;
    };
    return {
      got: sorted(keys.map((key) => [key, freshness.ofAsset(key) === undefined])),
      wanted: sorted(keys.map((key) => [key, isFresh(key)])),
    };
  }

  print(): string {
    return `${printChangingWorld(this.world)}\nsources ${JSON.stringify([...this.values])}`;
  }
}

function accountOf(question: Question, { missing, need, steps, outcomes, events, after }: Answer): Account {
  if (missing.length > 0) return { refused: 'MISSING_VALUE' };
  const ran = [...steps].flatMap(([id, { outcome }]) =>
    outcome === 'succeeded' || outcome === 'failed' ? [`${id} ${[...(need.get(id) ?? [])].toSorted().join(' ')}`] : [],
  );
  const values = [...question.select].map((key) => [key, after.readable.get(key)] as const);
  return {
    ran: ran.toSorted(),
    settled: sorted([...steps].flatMap(([id, { outcome }]) => (outcome === 'cancelled' ? [] : [[id, outcome] as const]))),
    outcomes: sorted(outcomes),
    events: events.toSorted(),
    values: sorted(
      values.map(([key, found]) => [
        key,
        found === undefined ? undefined : found.state === 'value' ? versionIn(found.version) : `asset-${found.state}`,
      ]),
    ),
  };
}

const versions = new Map<string, string>();

/** The version that the engine gives to a value. */
function versionIn(version: string): string {
  if (version.startsWith('#')) return 'elsewhere';
  const known = versions.get(version) ?? dataVersion(JSON.parse(version));
  versions.set(version, known);
  return known;
}
