import { cutText, printValue, UNREADABLE } from './print.ts';

/** What can be said of something that user code threw. */
export interface Thrown {
  /** An Error's own name; of anything else, what `typeof` says. */
  readonly name: string;
  /** An Error's own message; anything else, printed. */
  readonly message: string;
  readonly stack: string | undefined;
  /** The half of a sentence that tells people what happened. */
  readonly said: string;
}

/** Reads what was thrown. Never throws, although anything can be thrown: its fields may be getters that throw, or it a Proxy that does. */
export function readThrown(thrown: unknown): Thrown {
  try {
    return thrown instanceof Error ? readError(thrown) : readOther(thrown);
  } catch {
    return { name: typeof thrown, message: UNREADABLE, stack: undefined, said: `it threw ${UNREADABLE}` };
  }
}

function readError({ name: givenName, message: givenMessage, stack }: Error): Thrown {
  // Text by their types, and anything at all in fact.
  const [name, message] = [String(givenName), String(givenMessage)];
  const said = message === '' ? `it threw ${shorten(name)}` : shorten(message);
  return { name, message, stack: typeof stack === 'string' ? stack : undefined, said };
}

function readOther(thrown: unknown): Thrown {
  return {
    name: typeof thrown,
    message: printOther(thrown),
    stack: undefined,
    said: `it threw ${shorten(printValue(thrown))}, which is no Error`,
  };
}

function printOther(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

const LONGEST_SAID = 500;

/** What fits into a sentence of ours; the whole of it stays on the cause. */
function shorten(message: string): string {
  // Cut before too: to look for line ends in megabytes takes its time.
  return cutText(cutText(message, 2 * LONGEST_SAID).replace(/\s*\n\s*/g, ' '), LONGEST_SAID);
}
