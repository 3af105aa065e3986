/** What may vary, by name, and each way in which it may. */
export type Axes = Readonly<Record<string, readonly unknown[]>>;

/** One value of each axis. */
export type AxesCase<A extends Axes> = { readonly [Name in keyof A]: A[Name][number] };

/**
 * Few cases in which every value of each axis meets every value of each other one: most of what is wrong takes no more than two things that meet.
 * Where all cases are too many, and chance meets the rare ones too rarely. The same axes give the same cases.
 */
export function pairwise<const A extends Axes>(axes: A): readonly AxesCase<A>[] {
  const names = Object.keys(axes);
  if (names.some((name) => axes[name]?.length === 0)) return [];
  const sizes = names.map((name) => axes[name]?.length ?? 0);
  const [first] = sizes;
  // With one axis, or none, there is nothing to meet.
  if (sizes.length < 2) return Array.from({ length: first ?? 1 }, (_, at) => caseOf(axes, names, [at]));
  const open = new Pairs(sizes);
  const cases: AxesCase<A>[] = [];
  for (let pair = open.next(); pair !== undefined; pair = open.next()) {
    const chosen = completed(pair, sizes, open);
    open.meet(chosen);
    cases.push(caseOf(axes, names, chosen));
  }
  return cases;
}

function caseOf<A extends Axes>(axes: A, names: readonly string[], chosen: readonly number[]): AxesCase<A> {
  // Every axis is among the names, and every place within it.
  return Object.fromEntries(names.map((name, axis) => [name, axes[name]?.[chosen[axis] ?? 0]])) as AxesCase<A>;
}

/** By axis, which value is chosen; `undefined` where none is yet. */
type Chosen = readonly (number | undefined)[];

/** Chooses for each axis that is left the value that meets the most others for the first time, and of those the one that has the most left to meet. */
function completed(pair: Chosen, sizes: readonly number[], open: Pairs): readonly number[] {
  let chosen = pair;
  for (const [axis, size] of sizes.entries()) {
    if (chosen[axis] !== undefined) continue;
    const gains = Array.from({ length: size }, (_, value) => open.gain(chosen, axis, value));
    chosen = chosen.with(axis, gains.indexOf(Math.max(...gains)));
  }
  return chosen.map((value) => value ?? 0);
}

/** Pairs of values that have not met. */
class Pairs {
  readonly #sizes: readonly number[];
  readonly #left = new Map<string, Chosen>();
  /** How many of them a value is in, by its axis and place. */
  readonly #counts = new Map<string, number>();

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
    for (const [b, sizeOfB] of sizes.entries())
      for (let a = 0; a < b; a += 1)
        for (let value = 0; value < (sizes[a] ?? 0) * sizeOfB; value += 1) this.#add(a, b, [Math.floor(value / sizeOfB), value % sizeOfB]);
  }

  #add(a: number, b: number, [of, with_]: readonly [number, number]): void {
    const chosen = this.#sizes.map((_, axis) => (axis === a ? of : axis === b ? with_ : undefined));
    this.#left.set(nameOf(a, of, b, with_), chosen);
    this.#count(a, of, 1);
    this.#count(b, with_, 1);
  }

  #count(axis: number, value: number, by: number): void {
    const name = `${axis}:${value}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  next(): Chosen | undefined {
    return this.#left.values().next().value;
  }

  /** How many of those that are chosen a value would meet for the first time; less than one apart, how many it has left to meet. */
  gain(chosen: Chosen, axis: number, value: number): number {
    const met = chosen.filter((other, at) => other !== undefined && this.#left.has(nameOf(at, other, axis, value))).length;
    return met + (this.#counts.get(`${axis}:${value}`) ?? 0) / (this.#left.size + 1);
  }

  meet(chosen: readonly number[]): void {
    for (const [b, with_] of chosen.entries())
      for (let a = 0; a < b; a += 1) {
        const of = chosen[a] ?? 0;
        if (!this.#left.delete(nameOf(a, of, b, with_))) continue;
        this.#count(a, of, -1);
        this.#count(b, with_, -1);
      }
  }
}

function nameOf(a: number, of: number, b: number, with_: number): string {
  return a < b ? `${a}:${of} ${b}:${with_}` : `${b}:${with_} ${a}:${of}`;
}
