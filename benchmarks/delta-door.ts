/** Rows by key, as far as the benchmark uses them. */
export interface Rows<V> extends Iterable<readonly [number, V]> {
  readonly version: string;
  get(key: number): V | undefined;
  apply(delta: RowsDelta<V>): Rows<V>;
}

/** What changed in rows. */
export interface RowsDelta<V> {
  readonly changes: readonly { readonly key: number; readonly old?: V | undefined; readonly new?: V | undefined }[];
}

interface Flow<V> {
  filter(keep: (row: V) => boolean): Flow<V>;
  join<W, Made>(
    other: Flow<W>,
    join: { readonly left: (row: V) => number; readonly right: (row: W) => number; readonly combine: (left: V, right: W) => Made },
  ): Flow<Made>;
  groupBy(by: (row: V) => number): { aggregate(aggregate: Aggregate<V>): Flow<number> };
}

interface Aggregate<V> {
  add(accumulated: unknown, row: V, key: unknown): unknown;
}

/** A pipeline of two inputs. */
export interface Pipeline<A, B> {
  full(inputs: { readonly a: Rows<A>; readonly b: Rows<B> }): Rows<number>;
  start(inputs: { readonly a: Rows<A>; readonly b: Rows<B> }): { readonly state: object; readonly output: Rows<number> };
  step(state: object, changes: { readonly a?: RowsDelta<A> }): { readonly state: object; readonly delta: RowsDelta<number> };
}

/** Keyed collections and pipelines of them. */
export interface DeltaDoor {
  keyed<V>(rows: Iterable<readonly [number, V]>): Rows<V>;
  delta<V>(changes: RowsDelta<V>['changes']): RowsDelta<V>;
  keyedInput(): object;
  pipeline<A, B>(ports: object, build: (flows: { readonly a: Flow<A>; readonly b: Flow<B> }) => Flow<number>): Pipeline<A, B>;
  sum<V>(of: (row: V) => number): Aggregate<V>;
}

/** The files of the built package that hold them: no door names them yet. */
export async function openDelta(): Promise<DeltaDoor> {
  const files = ['keyed', 'delta', 'pipeline', 'aggregates'].map(
    (file): Promise<object> => import(new URL(`../dist/lib/delta/${file}.js`, import.meta.url).href),
  );
  const all: Partial<DeltaDoor> = Object.assign({}, ...(await Promise.all(files)));
  const { keyed, delta, rows, pipeline, sum } = all;
  if (!keyed || !delta || !rows || !pipeline || !sum) throw new Error('The built package holds no keyed collections.');
  return { keyed, delta, rows, pipeline, sum };
}
