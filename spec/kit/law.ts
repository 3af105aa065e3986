import type { LawOptions, LawProperty } from './law-trial.ts';

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
  /**
   * The law as a property to assert, over made-up worlds and runs on them, on Sluice or on a store of yours:
   * `fc.assert(law.property({ store }), { numRuns: 100 })`. A law without it is tried by its spec alone.
   */
  readonly property?: (options?: LawOptions) => LawProperty;
}

/** A law that can be called. */
export type CallableLaw = Law & Required<Pick<Law, 'property'>>;
