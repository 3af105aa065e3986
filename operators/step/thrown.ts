import { cutText, printValue, UNREADABLE } from '../../lib/kernel/print.ts';
import { withoutOwnFrames } from '../../lib/kernel/stack.ts';
import type { HookFailed } from '../../lib/events/logged-event.ts';

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

const LONGEST_NAME = 500;
/** Characters of a message that the log keeps. */
export const LONGEST_MESSAGE = 10_000;
const LONGEST_STACK = 20_000;

/** What an event keeps of something that was thrown: as much as tells people what happened, however much was thrown. */
export function recordThrown(thrown: unknown): HookFailed['error'] {
  const { name, message, stack } = readThrown(thrown);
  return {
    name: cutText(name, LONGEST_NAME),
    message: cutText(message, LONGEST_MESSAGE),
    ...(stack !== undefined && { stack: cutText(stack, LONGEST_STACK) }),
  };
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

/**
 * Takes the frames of Sluice out of the stack of what user code threw, where it is an Error: below the user's own they only tell how a body
 * is called. Everything else of it stays as it is, and so does a stack that cannot be written.
 */
export function dropOwnFrames(thrown: unknown): void {
  try {
    if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return;
    const stack = withoutOwnFrames(thrown.stack);
    if (stack !== thrown.stack) Reflect.set(thrown, 'stack', stack);
  } catch {
    // Anything can be thrown, a Proxy that throws too.
  }
}

const LONGEST_SAID = 500;

/** What fits into a sentence of ours; the whole of it stays on the cause. */
function shorten(message: string): string {
  // Cut before too: to look for line ends in megabytes takes its time.
  return cutText(cutText(message, 2 * LONGEST_SAID).replace(/\s*\n\s*/g, ' '), LONGEST_SAID);
}
