import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { plan, SelectionError, type Definitions, type Store } from '../../index.ts';
import type { DefinableWorld } from '../kit/define-world.ts';
import { evaluate, type Answer, type State } from '../kit/reference.ts';
import { tap, type Tapped } from '../kit/tap.ts';
import type { WorldRun } from '../kit/world-case.ts';

/** Everything that a run did which the rules speak of, in plain data that prints well. */
export interface Account {
  readonly refused?: readonly string[];
  readonly ran?: Readonly<Record<string, readonly string[]>>;
  readonly loaded?: Readonly<Record<string, readonly string[]>>;
  readonly settled?: Readonly<Record<string, string>>;
  readonly outcomes?: Readonly<Record<string, unknown>>;
  readonly unexpected?: Readonly<Record<string, unknown>>;
}

const sorted = <T>(entries: Iterable<readonly [string, T]>): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** What the reference says of a run, as an account. */
function accountOf({ missing, need, steps, loaded, outcomes, unexpected }: Answer, stored: ReadonlyMap<string, State>): Account {
  if (missing.size > 0) return { refused: ['MISSING_VALUE', ...[...missing].toSorted()] };
  const started = [...steps].filter(([, { outcome }]) => outcome === 'succeeded' || outcome === 'failed').map(([id]) => id);
  const hasValue = (key: string): boolean => stored.get(key) !== 'absent';
  return {
    ran: sorted(started.map((id) => [id, [...(need.get(id) ?? [])].toSorted()])),
    loaded: sorted(started.map((id) => [id, [...new Set((loaded.get(id) ?? []).filter(hasValue))].toSorted()])),
    settled: sorted([...steps].map(([id, { outcome }]) => [id, outcome])),
    outcomes: sorted(outcomes),
    unexpected: sorted(unexpected),
  };
}

/** What the engine did, as an account. */
export function accountOfRun({ result, ran, loaded, settled }: Tapped): Account {
  const stateOf = (key: string): unknown => {
    const outcome = result.outcome(key);
    return outcome === 'materialized' ? { value: result.value(key) } : outcome;
  };
  return {
    ran: sorted([...ran].map(([id, outputs]) => [id, [...outputs].toSorted()])),
    loaded: sorted([...loaded].map(([id, keys]) => [id, [...keys].toSorted()])),
    settled: sorted(settled),
    outcomes: sorted([...result.outcomes.keys()].map((key) => [key, stateOf(key)])),
    unexpected: sorted(result.unexpected.map((key) => [key, stateOf(key)])),
  };
}

/** The engine's run of a question, as an account; a refused one says why, after nothing was written. */
export async function engineRuns(
  defs: Definitions,
  { select, crossGraphUpstream, ...policies }: WorldRun,
  options: { readonly store: Store; readonly sources: Readonly<Record<string, unknown>> },
): Promise<Account> {
  const before = await options.store.port.head();
  try {
    const planned = plan(defs, { select: [...select], ...policies, crossGraphUpstream: crossGraphUpstream === 'load' ? 'load' : 'auto' });
    return accountOfRun(await tap(planned, options));
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error;
    expect(await options.store.port.head()).toBe(before);
    return { refused: [error.code, ...missingKeys(error).toSorted()] };
  }
}

function missingKeys({ code, details }: SelectionError): readonly string[] {
  const { missing } = details;
  return code === 'MISSING_VALUE' && Array.isArray(missing) ? missing.map((each: { readonly key: string }) => each.key) : [];
}

/** Runs on one store after each other: what readers get of each asset is carried along as the rules say (F8). */
export class ReferenceHistory {
  readonly stored = new Map<string, State>();
  readonly #last = { outputs: new Map<string, { readonly value: unknown }>(), assets: new Map<string, { readonly value: unknown }>() };
  readonly #world: DefinableWorld;

  constructor(world: DefinableWorld) {
    this.#world = world;
  }

  run(run: WorldRun): Account {
    const answer = evaluate(this.#world, { ...run, stored: this.stored, last: this.#last });
    const account = accountOf(answer, new Map(this.stored));
    for (const [key, state] of [...answer.outcomes, ...answer.unexpected])
      if (state !== 'failed' && state !== 'blocked') this.stored.set(key, state);
    this.#remember(answer);
    return account;
  }

  #remember({ steps, outcomes, unexpected, need }: Answer): void {
    for (const [id, { states }] of steps) {
      for (const [name, state] of states) {
        const asset = this.#world.steps[id]?.outputs[name]?.asset ?? '';
        const isKnown = need.get(id)?.has(name) === true || unexpected.has(asset);
        if (typeof state === 'object' && isKnown) this.#last.outputs.set(`${id}.${name}`, state);
      }
    }
    for (const [key, state] of [...outcomes, ...unexpected]) if (typeof state === 'object') this.#last.assets.set(key, state);
  }
}

/** For very many comparisons: the case is only printed, and the difference only searched for, where there is one. */
export function expectSame(got: unknown, wanted: unknown, print: () => string): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got, print()).toEqual(wanted);
}
