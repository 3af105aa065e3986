/** Something that holds for every graph, every selection and every history. */
export interface Law {
  /** `S…` for laws of subsets, `I…` for those of runs over a store that remembers, `L…` for those of live mode. */
  readonly id: string;
  readonly name: string;
  readonly statement: string;
  /** What people count on it for. */
  readonly why: string;
  /** What breaks it, for example. */
  readonly broken: string;
  /** The spec of this project that tries it; a test or a group of tests of it has a title that begins with `title`. */
  readonly spec: string;
  readonly title: string;
}
