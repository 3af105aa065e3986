import { nearest } from '../kernel/nearest.ts';

/** Something new, which may be what something else was before. */
export interface Candidate<Name extends string = string> {
  readonly name: Name;
  /** The very place that it has: what was there before is the same thing. */
  readonly place?: string;
  /** The code behind it: what had the same code before may be the same thing. */
  readonly code?: string;
}

/** Something that is gone, by the same words. */
export type Lost = Candidate;

/** With more candidates, names are not compared: each costs an edit distance. */
const MOST_COMPARED = 500;

/**
 * Finds what looks like things that are gone: what has the same place; else what has the same code, where several do the one with the nearest
 * name; else the nearest name. Nothing new looks like two things.
 */
export class Lookalikes<Name extends string> {
  readonly #left: Map<Name, Candidate<Name>>;

  constructor(candidates: Iterable<Candidate<Name>>) {
    this.#left = new Map([...candidates].map((each) => [each.name, each]));
  }

  /** What looks like it; it looks like nothing else from then on. */
  take(lost: Lost): Name | undefined {
    if (this.#left.size === 0) return undefined;
    const found = this.#find(lost);
    if (found !== undefined) this.#left.delete(found);
    return found;
  }

  #find({ name, place, code }: Lost): Name | undefined {
    const all = [...this.#left.values()];
    const there = place === undefined ? undefined : all.find((each) => each.place === place);
    if (there !== undefined) return there.name;
    const alike = code === undefined ? [] : all.filter((each) => each.code === code);
    if (alike.length === 1) return alike[0]?.name;
    return nearestOf(name, alike) ?? nearestOf(name, all);
  }
}

function nearestOf<Name extends string>(name: string, candidates: readonly Candidate<Name>[]): Name | undefined {
  if (candidates.length === 0 || candidates.length > MOST_COMPARED) return undefined;
  const [best] = nearest(
    name,
    candidates.map((each) => each.name),
  );
  return candidates.find((each) => each.name === best)?.name;
}
