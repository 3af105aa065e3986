import type { AnyOp, Definitions, PlanOptions, RunOptions } from '../../index.ts';
import type { Store } from '../../lib/events/store.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { placeName } from '../../lib/model/step-place.ts';
import { unpredictable, type SourceValues } from './check-case.ts';
import { checkedRun, type CheckedRun } from './checked-run.ts';
import type { History, HistoryAction, HistoryRunAction } from './history-case.ts';
import { losingStore } from './losing-store.ts';
import type { Schedule } from './schedule.ts';
import { BodyWatch, watchedDefinitions } from './watched-definitions.ts';

/** How histories are played, beside what happens in them. */
export interface PlayHistoryOptions
  extends Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'>, Pick<RunOptions, 'clock' | 'concurrency'> {
  /** In which order bodies go on. */
  readonly schedule?: Schedule;
}

/** One run of a history. */
export interface HistoryRun {
  readonly action: HistoryRunAction;
  /** Steps whose body was called, by id, in the order of the graph: in which order they ended is no part of what a history says. */
  readonly ran: readonly string[];
  /**
   * How the selected assets came out of which the rules say how (F9): the version of each, or `absent`. Left out are those that did not come, and
   * those that may depend on more than the inputs: of volatile ops, ops that keep state, inputs that hold, and what is downstream of them.
   */
  readonly came: Readonly<Record<string, string>>;
  /** How the same assets come out of one run of that selection on a new store, with the same sources and nothing broken: `came`, by law I1. */
  readonly fresh: Readonly<Record<string, string>>;
}

/**
 * Plays a history on definitions, in a memory store of its own, and gives what its runs did. The bodies are those of the definitions, so give
 * fakes for resources that reach outside. A keyed body cannot be made to throw: `break` says nothing to it.
 *
 * Rejects where a run was refused.
 */
export async function playHistory(
  defs: Definitions,
  { sources, actions }: History,
  options: PlayHistoryOptions = {},
): Promise<readonly HistoryRun[]> {
  const player = new Player(defs, options);
  for (const [source, value] of Object.entries(sources)) await player.act({ do: 'put', source, value });
  for (const action of actions) await player.act(action);
  return player.runs;
}

/** Bodies throw, once they are told to. */
class Breaking extends BodyWatch {
  readonly broken = new Set<string>();

  override give(step: string): void {
    if (this.broken.has(step)) throw new Error(`step ${step} is broken`);
  }
}

class Player {
  readonly runs: HistoryRun[] = [];
  readonly #defs: Definitions;
  readonly #options: PlayHistoryOptions;
  readonly #port = memoryPort();
  readonly #lost = new Set<string>();
  readonly #untold: ReadonlySet<string>;
  readonly #codes = new Map<string, number>();
  readonly #sources = new Map<string, unknown>();
  readonly #watch = new Breaking();
  #store: Store;
  #lose: (value: unknown) => void;
  #playing: Definitions;

  constructor(defs: Definitions, options: PlayHistoryOptions) {
    this.#defs = defs;
    this.#options = options;
    const { schedule } = options;
    if (schedule !== undefined) this.#watch.pause = () => schedule.pause();
    const open = new Set(unpredictable(defs));
    this.#untold = new Set([...defs.assets.values()].flatMap(({ step, key }) => (open.has(step) ? [key] : [])));
    ({ store: this.#store, lose: this.#lose } = losingStore(this.#port, this.#lost));
    this.#playing = this.#defined();
  }

  async act(action: HistoryAction): Promise<void> {
    switch (action.do) {
      case 'put':
        this.#sources.set(action.source, action.value);
        await this.#store.put(action.source, action.value);
        return;
      case 'break':
        this.#watch.broken.add(action.step);
        return;
      case 'mend':
        this.#watch.broken.delete(action.step);
        return;
      case 'code':
        this.#codes.set(action.step, (this.#codes.get(action.step) ?? 0) + 1);
        this.#playing = this.#defined();
        return;
      case 'evict':
        return this.#evict(action.asset);
      case 'restart':
        ({ store: this.#store, lose: this.#lose } = losingStore(this.#port, this.#lost));
        this.#playing = this.#defined();
        return;
      default:
        return this.#run(action);
    }
  }

  /** The definitions as they are now: another object, and so another process to ops without a code version. */
  #defined(): Definitions {
    const defs = watchedDefinitions(this.#defs, this.#watch);
    const steps = defs.graph.steps.map((step): Step => {
      const changed = this.#codes.get(step.id);
      if (changed === undefined || step.op.codeVersion === undefined) return step;
      // An op is a function with properties: what stands in for it has them by inheritance.
      const op = Object.create(step.op, { codeVersion: { value: `${step.op.codeVersion}, changed ${changed} times` } }) as AnyOp;
      return Object.freeze({ ...step, op });
    });
    return Object.freeze({ ...defs, graph: Object.freeze({ ...defs.graph, steps }) });
  }

  /** Loses the value of an asset, unless a source has it too: that cannot be made again. */
  async #evict(asset: string): Promise<void> {
    const latest = await this.#store.latest(asset);
    if (latest === undefined || !('address' in latest) || latest.address === null) return;
    const value: unknown = await this.#store.value(asset).catch(() => undefined);
    const version = dataVersion(value);
    if (value !== undefined && [...this.#sources.values()].every((each) => dataVersion(each) !== version)) this.#lose(value);
  }

  async #run(action: HistoryRunAction): Promise<void> {
    const run = await this.#checked(this.#playing, this.#store, action);
    const called = new Set(
      run.steps.flatMap(({ attempts, definition, step }) => (attempts > 0 ? [placeName({ definition, path: step })] : [])),
    );
    const told = [...run.came].filter(([key, came]) => !this.#untold.has(key) && !/^(failed|blocked|cancelled|a value)$/.test(came));
    const broken = new Set(this.#watch.broken);
    this.#watch.broken.clear();
    // Of the same selection: a step may fail for an output that is not asked for here.
    const fresh = await this.#checked(this.#playing, memoryStore({ now: () => 0 }), { do: 'refresh', select: action.select });
    for (const step of broken) this.#watch.broken.add(step);
    this.runs.push({
      action,
      ran: this.#defs.graph.steps.flatMap((step) => (called.has(placeName(step)) ? [step.id] : [])),
      came: Object.fromEntries(told),
      fresh: Object.fromEntries(told.map(([key]) => [key, fresh.came.get(key) ?? 'not made'])),
    });
  }

  #checked(defs: Definitions, store: Store, { do: mode, select }: HistoryRunAction): Promise<CheckedRun> {
    const { schedule, clock, concurrency, ...planning } = this.#options;
    const sources: SourceValues = Object.fromEntries(this.#sources);
    const running = { sources, ...(clock !== undefined && { clock }), ...(concurrency !== undefined && { concurrency }) };
    const how = mode === 'refresh' ? ({ mode, inGraphUpstream: 'auto' } as const) : {};
    const run = checkedRun(defs, { name: mode, select, store, planning: { ...planning, ...how }, running });
    return schedule === undefined ? run : schedule.settle(run);
  }
}
