import type { AssetAliases } from '../../lib/model/aliases.ts';
import type { FormerNamesOfWorld } from './incremental-define.ts';
import type { ChangingWorld, PlacedStep, Wire } from './incremental-world.ts';

type Kind = 'source' | 'definition' | 'name' | 'nest' | 'key';

/** What the things of a world are called, each by kind and by what it is called in a world in which nothing is renamed. */
export class Naming {
  readonly #used = new Map<string, number[]>();

  /** Gives some things another name, which may be one that they had before. */
  rename(world: ChangingWorld, { which, back }: { readonly which: number; readonly back: boolean }): void {
    for (const [index, thing] of thingsOf(world).entries()) {
      if (((which >> (index % 24)) & 1) === 0) continue;
      const used = this.#used.get(thing) ?? [0];
      const [oldest = 0] = used;
      const next = back && used.length > 1 ? oldest : Math.max(...used) + 1;
      this.#used.set(thing, [...used.filter((each) => each !== next), next]);
    }
  }

  now(kind: Kind, base: string): string {
    return this.#all(kind, base).at(-1) ?? base;
  }

  #all(kind: Kind, base: string): readonly string[] {
    return (this.#used.get(`${kind} ${base}`) ?? [0]).map((time) => (time === 0 ? base : `${base}_r${time}`));
  }

  #before(kind: Kind, base: string): readonly string[] {
    return this.#all(kind, base).slice(0, -1);
  }

  /** The world as it is called now. */
  world({ sources, steps }: ChangingWorld): ChangingWorld {
    const wire = (each: Wire): Wire => ('source' in each ? { source: this.now('source', each.source) } : each);
    return {
      sources: sources.map((each) => this.now('source', each)),
      steps: steps.map((step) => ({
        ...step,
        definition: this.now('definition', step.definition),
        name: this.now('name', step.id) === step.id ? step.name : `${step.name}${this.now('name', step.id).slice(step.id.length)}`,
        nest: step.nest === undefined ? undefined : this.now('nest', step.nest),
        path: this.#paths(step).at(-1) ?? step.path,
        inputs: step.inputs.map((each) => ({ ...each, entries: each.entries.map(wire) })),
        outputs: step.outputs.map((each) => ({ ...each, asset: each.asset === undefined ? undefined : this.now('key', each.asset) })),
      })),
    };
  }

  /** What the world was called before. */
  aliases({ sources, steps }: ChangingWorld): FormerNamesOfWorld {
    const definitions = new Map<string, AssetAliases>();
    for (const base of new Set(steps.map(({ definition }) => definition))) {
      const own = steps.filter(({ definition }) => definition === base);
      const keys = own.flatMap(({ outputs }) => outputs.flatMap(({ asset }) => asset ?? []));
      definitions.set(this.now('definition', base), {
        keys: Object.fromEntries(keys.map((key) => [this.now('key', key), this.#before('key', key)])),
        definition: this.#before('definition', base),
        steps: Object.fromEntries(own.map((step) => [this.#paths(step).at(-1) ?? '', this.#paths(step).slice(0, -1)])),
      });
    }
    return { sources: new Map(sources.map((each) => [this.now('source', each), this.#before('source', each)])), definitions };
  }

  /** All paths that a step has had where it is, the one of now last. */
  #paths({ id, name, nest }: PlacedStep): readonly string[] {
    const names = this.#all('name', id).map((each) => `${name}${each.slice(id.length)}`);
    if (nest === undefined) return names;
    return this.#all('nest', nest).flatMap((each) => names.map((own) => `${each}.${own}`));
  }
}

function thingsOf({ sources, steps }: ChangingWorld): readonly string[] {
  const nests = steps.flatMap(({ nest }) => nest ?? []);
  const keys = steps.flatMap(({ outputs }) => outputs.flatMap(({ asset }) => asset ?? []));
  return [
    ...steps.map(({ id }) => `name ${id}`),
    ...new Set(steps.map(({ definition }) => `definition ${definition}`)),
    ...keys.map((key) => `key ${key}`),
    ...new Set(nests.map((nest) => `nest ${nest}`)),
    ...sources.map((key) => `source ${key}`),
  ];
}
