import { userFrames } from './stack.ts';

/** What prints any value: `util.inspect`, as it is handed to objects that print themselves. */
export type Inspect = (value: unknown, options: object) => string;

/** What is printed of an error. */
export interface PrintedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | undefined;
  readonly cause: unknown;
}

const WIDTH = 160;
const LONGEST = 1000;
const MOST_LINES = 8;
const MOST_FRAMES = 5;
const MOST_DETAILS = 10;
const MOST_CAUSES = 3;

/**
 * An error as a terminal shows it, on less than a screen: what happened, where in the user's own code, the facts in a line each, and what
 * is behind it. Everything is still there on the error itself, for programs.
 */
export function printError(error: PrintedError, inspect: Inspect): string {
  const lines = [
    ...cut(`${error.name} [${error.code}]: ${error.message}`),
    ...userFrames(error.stack).slice(0, MOST_FRAMES),
    ...printDetails(error.details, inspect),
    ...printCauses(error.cause, inspect),
  ];
  return lines.join('\n');
}

/** Long text as its first lines, each left to the terminal to wrap, and as much as fits. */
function cut(text: string): readonly string[] {
  const shown = text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
  const lines = shown.split('\n');
  return lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES - 1), '…'];
}

function printDetails(details: Readonly<Record<string, unknown>>, inspect: Inspect): readonly string[] {
  const all = Object.entries(details).map(([name, value]) => `  ${name}: ${oneLine(printDetail(value, inspect))}`);
  return all.length <= MOST_DETAILS ? all : [...all.slice(0, MOST_DETAILS), `  … ${all.length - MOST_DETAILS} more in error.details`];
}

function printDetail(value: unknown, inspect: Inspect): string {
  return inspect(value, { depth: 2, breakLength: Infinity, compact: true, maxArrayLength: 5, maxStringLength: WIDTH });
}

function oneLine(text: string): string {
  const line = text.replace(/\s*\n\s*/g, ' ');
  return line.length <= WIDTH ? line : `${line.slice(0, WIDTH)}…`;
}

/** Each cause as its own message and the user's frames; one that is no Error as whatever it prints as. */
function printCauses(cause: unknown, inspect: Inspect): readonly string[] {
  const lines: string[] = [];
  let current = cause;
  for (let shown = 0; current !== undefined && shown < MOST_CAUSES; shown += 1) {
    const printed = current instanceof Error ? printCause(current) : cut(printDetail(current, inspect));
    lines.push(...printed.map((line, index) => `  ${index === 0 ? '[cause]: ' : ''}${line}`));
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
}

function printCause(error: Error): readonly string[] {
  return [...cut(`${String(error.name)}: ${String(error.message)}`), ...userFrames(error.stack).slice(0, MOST_FRAMES)];
}
