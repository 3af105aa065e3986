import { cutText, UNREADABLE } from './print.ts';
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
 * is behind it. Everything is still there on the error itself, for programs. Never throws: what does when it is read is said to be unreadable.
 */
export function printError(error: PrintedError, inspect: Inspect): string {
  const lines = [
    ...readLines(() => cut(`${error.name} [${error.code}]: ${error.message}`)),
    ...userFrames(error.stack).slice(0, MOST_FRAMES),
    ...readLines(() => printDetails(error.details, inspect)),
    ...printCauses(error.cause, inspect),
  ];
  return lines.join('\n');
}

/** Lines about what is the user's, where anything may be a getter or a Proxy that throws. */
function readLines(read: () => readonly string[]): readonly string[] {
  try {
    return read();
  } catch {
    return [UNREADABLE];
  }
}

/** Long text as its first lines, each left to the terminal to wrap, and as much as fits. */
function cut(text: string): readonly string[] {
  const lines = cutText(text, LONGEST).split('\n');
  return lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES - 1), '…'];
}

function printDetails(details: Readonly<Record<string, unknown>>, inspect: Inspect): readonly string[] {
  const all = Object.keys(details).map((name) => `  ${name}: ${readLines(() => [oneLine(printDetail(details[name], inspect))]).join('')}`);
  return all.length <= MOST_DETAILS ? all : [...all.slice(0, MOST_DETAILS), `  … ${all.length - MOST_DETAILS} more in error.details`];
}

function printDetail(value: unknown, inspect: Inspect): string {
  return inspect(value, { depth: 2, breakLength: Infinity, compact: true, maxArrayLength: 5, maxStringLength: WIDTH });
}

function oneLine(text: string): string {
  return cutText(text.replace(/\s*\n\s*/g, ' '), WIDTH);
}

/** Each cause as its own message and the user's frames; one that is no Error as whatever it prints as. */
function printCauses(cause: unknown, inspect: Inspect): readonly string[] {
  const lines: string[] = [];
  let current = cause;
  for (let shown = 0; current !== undefined && shown < MOST_CAUSES; shown += 1) {
    const { printed, behind } = readCause(current, inspect);
    lines.push(...printed.map((line, index) => `  ${index === 0 ? '[cause]: ' : ''}${line}`));
    current = behind;
  }
  return lines;
}

function readCause(cause: unknown, inspect: Inspect): { readonly printed: readonly string[]; readonly behind: unknown } {
  try {
    if (!(cause instanceof Error)) return { printed: cut(printDetail(cause, inspect)), behind: undefined };
    return { printed: printCause(cause), behind: causeOf(cause) };
  } catch {
    return { printed: [UNREADABLE], behind: undefined };
  }
}

function printCause(error: Error): readonly string[] {
  return [...cut(`${String(error.name)}: ${String(error.message)}`), ...userFrames(error.stack).slice(0, MOST_FRAMES)];
}

function causeOf(error: Error): unknown {
  try {
    return error.cause;
  } catch {
    return UNREADABLE;
  }
}
