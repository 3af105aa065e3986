import type { Promised } from './script-process.ts';

/** Reads what a process said that played a script: a line for each promise. The last one may be cut off by the end of the process. */
export function readSayings(text: string): readonly Promised[] {
  return (
    text
      .split('\n')
      .slice(0, -1)
      // What the process wrote.
      .map((line) => JSON.parse(line) as Promised)
  );
}
