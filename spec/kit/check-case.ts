import type { Definitions, PlanOptions, RunOptions, Store } from '../../index.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { Consistency } from './check-consistency.ts';
import type { CheckName, Finding } from './check-finding.ts';
import { judgeFailures } from './check-failures.ts';
import { checkedRun, type CheckedRun, type SettledEvent } from './checked-run.ts';
import { crashingStore } from './crashing-store.ts';
import { watchedDefinitions, BodyWatch } from './watched-definitions.ts';

/** Values of sources, by key. */
export type SourceValues = Readonly<Record<string, unknown>>;

/** One case: what is selected on which inputs, what the inputs were before, and a number that decides the rest. */
export interface SubsetCase {
  readonly select: readonly string[];
  readonly inputs: SourceValues;
  readonly before: SourceValues;
  readonly salt: number;
}

/** How cases are played. */
export interface Playing {
  readonly planning: Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'>;
  readonly running: Pick<RunOptions, 'clock'>;
  /** Whether steps may fail, as long as they always do on the same inputs. */
  readonly mayFail: boolean;
}

/** What playing cases has come to. */
export interface Tally {
  runs: number;
  readonly checks: Map<CheckName, number>;
  /** Outputs that were emitted and not asked for: `op.output`, and how often. */
  readonly discarded: Map<string, number>;
}

/** Definitions under test. */
export class Target {
  readonly defs: Definitions;
  readonly #playing: Playing;
  readonly #tally: Tally;
  readonly #watch = new BodyWatch();
  readonly #watched: Definitions;
  readonly #untold: ReadonlySet<string>;
  readonly #steps: ReadonlySet<string>;

  constructor(defs: Definitions, playing: Playing, tally: Tally) {
    this.defs = defs;
    this.#playing = playing;
    this.#tally = tally;
    this.#watched = watchedDefinitions(defs, this.#watch);
    const steps = unpredictable(defs);
    this.#steps = new Set(steps.map((index) => placeOf(defs, index)));
    this.#untold = new Set([...defs.assets.values()].filter(({ step }) => steps.includes(step)).map(({ key }) => key));
  }

  /**
   * Plays one case, and gives the first thing that is wrong. The part comes before the whole, and other inputs come in between: what bodies
   * leave behind in variables must not hide what they lack.
   */
  async check(played: SubsetCase): Promise<Finding | undefined> {
    const { select, inputs, before } = played;
    const all = [...this.defs.assets.keys()];
    const part = await this.#run({ name: `select [${select.join(', ')}]`, select, inputs });
    const other = await this.#run({ name: 'select everything, on other inputs', select: all, inputs: before });
    const full = await this.#run({ name: 'select everything', select: all, inputs });
    const failed = judgeFailures([part, full], { mayFail: this.#playing.mayFail, mutated: this.#watch.takeMutated() });
    if (failed !== undefined) return failed;
    const consistency = new Consistency((step) => this.#isUnpredictable(step));
    const again = await this.#run({ name: 'select everything, again', select: all, inputs });
    const found =
      (await consistency.add(full, 'deterministic')) ??
      (await consistency.add(again, 'deterministic')) ??
      (await consistency.add(part, 'subset')) ??
      (await consistency.add(other, 'deterministic')) ??
      this.#recorded(part) ??
      this.#compare('subset', part, full);
    this.#count('fails', 'required', 'mutates', 'deterministic', 'together', 'subset', 'recorded');
    return found ?? this.#another(played, { other, full, consistency });
  }

  /** One more way to come to the same, in turn. */
  async #another(played: SubsetCase, past: Past): Promise<Finding | undefined> {
    const { other, full, consistency } = past;
    const ways = [
      { check: 'load', come: async () => ({ run: await this.#load(played, full), wanted: full }) },
      { check: 'order', come: async () => ({ run: await this.#shuffled(played), wanted: full }) },
      { check: 'resume', come: async () => ({ run: await this.#resumed(played), wanted: full }) },
      { check: 'incremental', come: () => this.#incremental(played, other) },
    ] as const;
    const { check, come } = ways[played.salt % ways.length] ?? ways[0];
    const { run, wanted } = await come();
    this.#count(check);
    if (run === undefined) return undefined;
    const failed = judgeFailures([run], { mayFail: true, mutated: this.#watch.takeMutated() });
    return failed ?? (await consistency.add(wanted, check)) ?? (await consistency.add(run, check)) ?? this.#compare(check, run, wanted);
  }

  async #load({ select, inputs }: SubsetCase, full: CheckedRun): Promise<CheckedRun | undefined> {
    try {
      return await this.#run({ name: `select [${select.join(', ')}], the rest loaded`, select, inputs, store: full.store, policy: 'load' });
    } catch (error) {
      // What failed has nothing that could be loaded.
      if (error instanceof SelectionError && error.code === 'MISSING_VALUE') return undefined;
      throw error;
    }
  }

  async #shuffled({ select, inputs, salt }: SubsetCase): Promise<CheckedRun> {
    let turns = salt;
    this.#watch.pause = async () => {
      turns = (turns * 48_271 + 11) % 2_147_483_647;
      for (let left = turns % 17; left > 0; left -= 1) await Promise.resolve();
    };
    try {
      return await this.#run({ name: `select [${select.join(', ')}], in another order`, select, inputs, concurrency: 1 + (salt % 7) });
    } finally {
      this.#watch.pause = undefined;
    }
  }

  async #resumed({ select, inputs, salt }: SubsetCase): Promise<CheckedRun> {
    const crashing = crashingStore(1 + ((salt >> 2) % 4));
    try {
      await this.#run({ name: 'a run that dies', select, inputs, store: crashing.store });
    } catch (error) {
      if (error !== crashing.death) throw error;
    }
    const name = `refresh [${select.join(', ')}] after a crash`;
    return this.#run({ name, select, inputs, store: crashing.next(), mode: 'refresh' });
  }

  /** Some sources are as they were in the other run, and some are new; in between there was a run on neither. */
  async #incremental({ select, inputs, before, salt }: SubsetCase, other: CheckedRun): Promise<Compared> {
    const mixed = Object.fromEntries(
      Object.entries(inputs).map(([key, value], place) => [key, ((salt >> (2 + (place % 18))) & 1) === 0 ? value : (before[key] ?? value)]),
    );
    const name = `refresh [${select.join(', ')}] on new inputs`;
    const run = await this.#run({ name, select, inputs: mixed, store: other.store, mode: 'refresh' });
    return {
      run,
      wanted: await this.#run({ name: 'select everything, from scratch', select: [...this.defs.assets.keys()], inputs: mixed }),
    };
  }

  #run({ name, select, inputs, store = memoryStore({ now: () => 0 }), ...how }: Run): Promise<CheckedRun> {
    this.#tally.runs += 1;
    const { planning, running } = this.#playing;
    const policy = how.policy === 'load' ? ({ inGraphUpstream: 'load', crossGraphUpstream: 'load' } as const) : {};
    return checkedRun(this.#watched, {
      name,
      select,
      store,
      planning: { ...planning, ...policy, ...(how.mode === 'refresh' && { mode: 'refresh', inGraphUpstream: 'auto' }) },
      running: { ...running, sources: inputs, ...(how.concurrency !== undefined && { concurrency: how.concurrency }) },
    }).then((run) => {
      for (const { op, output } of run.discarded) {
        const place = `${op}.${output}`;
        this.#tally.discarded.set(place, (this.#tally.discarded.get(place) ?? 0) + 1);
      }
      return run;
    });
  }

  #recorded({ recorded, select, name }: CheckedRun): Finding | undefined {
    const beyond = recorded.filter((key) => !select.includes(key));
    if (beyond.length === 0) return undefined;
    return {
      check: 'recorded',
      problem: `${beyond.join(', ')} recorded and not selected.`,
      cure: 'This is a bug of the store or of Sluice.',
      evidence: [name],
    };
  }

  #compare(check: CheckName, run: CheckedRun, full: CheckedRun): Finding | undefined {
    for (const [key, came] of run.came) {
      const wanted = full.came.get(key);
      if (this.#untold.has(key) || came === wanted || came === 'a value' || wanted === 'a value') continue;
      return {
        check,
        problem: `asset "${key}" comes out otherwise than when everything is made from scratch.`,
        cure: 'Something that it is made of reads what is no input: a variable, a clock, a file. Wire that as an input, or declare its op volatile: true.',
        evidence: [`${run.name}: ${came}`, `${full.name}: ${wanted ?? 'not made'}`],
      };
    }
    return undefined;
  }

  #isUnpredictable({ definition, step }: SettledEvent): boolean {
    return this.#steps.has(`${definition}:${step}`);
  }

  #count(...checks: readonly CheckName[]): void {
    for (const check of checks) this.#tally.checks.set(check, (this.#tally.checks.get(check) ?? 0) + 1);
  }
}

/** What ran before in a case. */
interface Past {
  readonly other: CheckedRun;
  readonly full: CheckedRun;
  readonly consistency: Consistency;
}

/** A run, and the one that comes to the same from scratch. */
interface Compared {
  readonly run: CheckedRun;
  readonly wanted: CheckedRun;
}

interface Run {
  readonly name: string;
  readonly select: readonly string[];
  readonly inputs: SourceValues;
  readonly store?: Store;
  readonly policy?: 'load';
  readonly mode?: 'refresh';
  readonly concurrency?: number;
}

function placeOf({ graph }: Definitions, index: number): string {
  const step = graph.steps[index];
  return `${step?.definition ?? ''}:${step?.path ?? ''}`;
}

/** Steps of which nothing is expected: those that read more than what comes now and say so, and what is downstream of them. */
export function unpredictable({ graph }: Definitions): readonly number[] {
  const found = new Set<number>();
  // Steps stand after what they read.
  for (const { index, op, inputs } of graph.steps) {
    // What is held depends on what came before.
    const isOwn = op.volatile || op.outputsTogether || inputs.some(({ hold }) => hold);
    if (isOwn || inputs.some(({ entries }) => entries.some((entry) => entry.from === 'step' && found.has(entry.step)))) found.add(index);
  }
  return [...found];
}
