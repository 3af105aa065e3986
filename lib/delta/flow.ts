import { aggregateRows } from './accumulator.ts';
import type { Aggregate } from './aggregate.ts';
import { joinRows, type Join } from './bilinear.ts';
import { DeltaError } from '../kernel/errors.ts';
import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';
import { filterRows, flatMapRows, mapRows } from './linear.ts';
import { computeAll } from './opaque.ts';
import type { KeyedInputs, Operator } from './operator.ts';
import { computeGroups } from './per-group.ts';
import type { RowKey } from './row-index.ts';

/** An operator of which nothing is known but that it fits where it stands. */
export type AnyOperator = Operator<KeyedInputs, Key, unknown>;

/** One place of a pipeline: an input of it, or an operator with the places that it reads, which come before it. */
export type Stage = { readonly input: string } | { readonly operator: AnyOperator; readonly reads: readonly number[] };

/** The stages of a pipeline while it is written. */
export type Draft = Stage[];

/**
 * Keyed rows on their way through a pipeline. Nothing flows while it is written: each method adds an operator and gives what comes out of it.
 */
export class Flow<K extends Key, V> {
  readonly #draft: Draft;
  readonly #stage: number;

  /** Made by `pipeline` for its inputs, and by the methods here. */
  constructor(draft: Draft, stage: Stage) {
    this.#draft = draft;
    this.#stage = draft.push(stage) - 1;
  }

  /** The rows for which `keep` says so. Linear. */
  filter(keep: (row: V, key: K) => boolean): Flow<K, V> {
    return this.through(filterRows(keep));
  }

  /** One row made out of each, under the same key; none where `make` gives `undefined`. Linear. */
  map<W>(make: (row: V, key: K) => W | undefined): Flow<K, W> {
    return this.through(mapRows(make));
  }

  /** Any number of rows made out of each, under keys of their own, joined to the row's by `pairKey`. Linear. */
  flatMap<W>(make: (row: V, key: K) => Iterable<readonly [Key, W]>): Flow<string, W> {
    return this.through(flatMapRows(make));
  }

  /** Every row with every row of `other` that has the same join key, under the pair of their keys. Bilinear. */
  join<L extends Key, W, Made>(other: Flow<L, W>, join: Join<K, V, L, W, Made>): Flow<string, Made> {
    return this.#add(joinRows(join), [other]);
  }

  /** The rows put together by what `by` gives; rows for which that is `null` or `undefined` are left out. */
  groupBy<G extends Key>(by: RowKey<K, V, G>): GroupedFlow<K, V, G> {
    return {
      aggregate: (aggregate) => this.through(aggregateRows(by, aggregate)),
      compute: (compute) => this.through(computeGroups(by, compute)),
    };
  }

  /** Whatever `compute` makes of all rows; computed as a whole whenever one changes. Opaque. */
  computeAll<L extends Key, W>(compute: (rows: Keyed<K, V>) => Iterable<readonly [L, W]>): Flow<L, W> {
    return this.through(computeAll(compute));
  }

  /** The rows through any operator of one input. */
  through<L extends Key, W>(operator: Operator<readonly [Keyed<K, V>], L, W>): Flow<L, W> {
    return this.#add(operator, []);
  }

  /**
   * Which stage of a pipeline gives these rows.
   *
   * @throws DeltaError FLOW_MISUSED if it is a stage of another pipeline
   */
  stageIn(draft: Draft): number {
    if (draft === this.#draft) return this.#stage;
    throw new DeltaError('FLOW_MISUSED', 'A pipeline uses rows of another one. Add them to its inputs, and pass them in by name.');
  }

  #add<L extends Key, W>(operator: AnyOperator, others: readonly Flow<Key, unknown>[]): Flow<L, W> {
    const reads = [this.#stage, ...others.map((other) => other.stageIn(this.#draft))];
    return new Flow(this.#draft, { operator, reads });
  }
}

/** Rows put together in groups: each group becomes one row under the group's key. */
export interface GroupedFlow<K extends Key, V, G extends Key> {
  /** What an aggregate makes of the rows of each group. Accumulator. */
  aggregate<Accumulated, Row>(aggregate: Aggregate<K, V, Accumulated, Row>): Flow<G, Row>;

  /** What `compute` makes of all rows of a group; computed again for each group that changed. Keyed. */
  compute<Row>(compute: (rows: Keyed<K, V>, group: G) => Row | undefined): Flow<G, Row>;
}
