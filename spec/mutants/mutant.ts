/** One place in the sources that a mutant changes. */
export interface Edit {
  /** Path from the root of the checkout. */
  readonly file: string;
  /** Exact text, found once in the file. */
  readonly from: string;
  readonly to: string;
}

/** A test, by its spec and by the words in which its title begins. Groups of tests are no part of the title. */
export interface Killer {
  readonly spec: string;
  readonly test: string;
}

/** An engine that is broken on purpose. */
export interface Mutant {
  readonly name: string;
  /** Which rule it breaks, and how. */
  readonly wrong: string;
  readonly edits: readonly Edit[];
  /** Tests that must fail on it, each by itself. */
  readonly killers: readonly Killer[];
}

/** A source as a mutant has it. Throws where the mutant no longer fits the sources. */
export function mutate({ name, edits }: Mutant, file: string, text: string): string {
  return edits.reduce((mutated, { file: edited, from, to }) => {
    if (edited !== file) return mutated;
    const found = mutated.split(from).length - 1;
    if (found !== 1)
      throw new Error(`Mutant "${name}" looks for its text in ${file} and finds it ${found} times, not once. Write it anew: ${from}`);
    return mutated.replace(from, () => to);
  }, text);
}

/** Whether a title begins with the words of a killer: "I1" begins "I1 from scratch", and not "I10 …". */
export function beginsWith(title: string, words: string): boolean {
  return title.startsWith(words) && !/^\d/.test(title.slice(words.length));
}
