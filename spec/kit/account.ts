import { deepStrictEqual } from 'node:assert/strict';
import { SelectionError, type Definitions, type RunOptions, type Store } from '../../index.ts';
import type { LawEngine } from './law-engine.ts';
import { planOfRun } from './plan-of-run.ts';
import { tap, type Tapped } from './tap.ts';
import type { WorldRun } from './world-case.ts';

/** Everything that a run did which the rules speak of, in plain data that prints well. */
export interface Account {
  readonly refused?: readonly string[];
  readonly ran?: Readonly<Record<string, readonly string[]>>;
  readonly loaded?: Readonly<Record<string, readonly string[]>>;
  readonly settled?: Readonly<Record<string, string>>;
  readonly outcomes?: Readonly<Record<string, unknown>>;
  readonly unexpected?: Readonly<Record<string, unknown>>;
}

/** A record with its names in order. */
export function sortedRecord<T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the engine did, as an account. */
export function accountOfRun({ result, ran, loaded, settled }: Tapped): Account {
  const stateOf = (key: string): unknown => {
    const outcome = result.outcome(key);
    return outcome === 'materialized' ? { value: result.value(key) } : outcome;
  };
  return {
    ran: sortedRecord([...ran].map(([id, outputs]) => [id, [...outputs].toSorted()])),
    loaded: sortedRecord([...loaded].map(([id, keys]) => [id, [...keys].toSorted()])),
    settled: sortedRecord(settled),
    outcomes: sortedRecord([...result.outcomes.keys()].map((key) => [key, stateOf(key)])),
    unexpected: sortedRecord(result.unexpected.map((key) => [key, stateOf(key)])),
  };
}

/** The engine's run of a question, as an account; a refused one says why, after nothing was written. */
export async function engineRuns(
  defs: Definitions,
  run: WorldRun,
  { plan, run: runPlan = tap, ...options }: RunOptions & { readonly store: Store } & Partial<Pick<LawEngine, 'plan' | 'run'>>,
): Promise<Account> {
  const before = await options.store.port.head();
  try {
    return accountOfRun(await runPlan(planOfRun(defs, run, plan), options));
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    deepStrictEqual(await options.store.port.head(), before, 'a run that is refused writes nothing');
    return { refused: [error.code, ...missingKeys(error).toSorted()] };
  }
}

function missingKeys({ code, details }: SelectionError): readonly string[] {
  const { missing } = details;
  return code === 'MISSING_VALUE' && Array.isArray(missing) ? missing.map((each: { readonly key: string }) => each.key) : [];
}
