/** Prints one line of an example's account. */
export type Say = (line: string) => void;

/** One example of the founding document. `tell` runs it, asserts what came, and says so. */
export interface Example {
  readonly title: string;
  readonly tell: (say: Say) => Promise<void>;
}
