import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { sortedRecord, type Account } from '../kit/account.ts';
import type { DefinableWorld } from '../kit/define-world.ts';
import { evaluate, type Answer, type State } from '../kit/reference.ts';
import type { WorldRun } from '../kit/world-case.ts';

/** What the reference says of a run, as an account. */
function accountOf({ missing, need, steps, loaded, outcomes, unexpected }: Answer, stored: ReadonlyMap<string, State>): Account {
  if (missing.size > 0) return { refused: ['MISSING_VALUE', ...[...missing].toSorted()] };
  const started = [...steps].filter(([, { outcome }]) => outcome === 'succeeded' || outcome === 'failed').map(([id]) => id);
  const hasValue = (key: string): boolean => stored.get(key) !== 'absent';
  return {
    ran: sortedRecord(started.map((id) => [id, [...(need.get(id) ?? [])].toSorted()])),
    loaded: sortedRecord(started.map((id) => [id, [...new Set((loaded.get(id) ?? []).filter(hasValue))].toSorted()])),
    settled: sortedRecord([...steps].map(([id, { outcome }]) => [id, outcome])),
    outcomes: sortedRecord(outcomes),
    unexpected: sortedRecord(unexpected),
  };
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
