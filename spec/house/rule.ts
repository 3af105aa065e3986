import type { SourceFile } from './source-file.ts';

/** Where a rule is broken, and what to do instead. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  /** `what is wrong, use …` */
  readonly message: string;
}

/** A house rule, with what shows that it can fail. */
export interface Rule {
  /** A claim about the project, as the test's name. */
  readonly name: string;
  readonly check: (files: readonly SourceFile[]) => readonly Finding[];
  /** Small made-up projects (path → text), each with the places that the rule must find in it: `path:line`. */
  readonly bad: readonly { readonly files: Readonly<Record<string, string>>; readonly found: readonly string[] }[];
  /** What looks alike and is fine. */
  readonly good?: Readonly<Record<string, string>>;
}

/** `path:line: message`, as editors and terminals can open it. */
export function printFinding({ path, line, message }: Finding): string {
  return `${path}:${line}: ${message}`;
}
