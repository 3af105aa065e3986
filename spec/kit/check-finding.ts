/** What is checked of definitions, and what each check claims. */
export const claims = {
  fails: 'no step fails on the inputs given',
  required: 'a step emits every required output that it is asked for',
  mutates: 'no body changes what it is given',
  deterministic: 'a step gives the same for the same inputs, run after run',
  together: 'an output does not depend on which others are asked for',
  subset: 'a part of the assets comes out as it does when all are made',
  recorded: 'nothing is recorded but what is selected',
  load: 'with siblings loaded instead of made, the same comes out',
  order: 'whichever step is done first, the same comes out',
  resume: 'after a crash, a refresh brings about what one run does',
  incremental: 'a refresh on new inputs gives what a run from scratch gives',
} as const;

/** The name of a check. */
export type CheckName = keyof typeof claims;

/** Something that a check found. */
export interface Finding {
  readonly check: CheckName;
  /** What is wrong, and where. */
  readonly problem: string;
  /** What to do about it. */
  readonly cure: string;
  /** What shows it, a line each. */
  readonly evidence: readonly string[];
}
