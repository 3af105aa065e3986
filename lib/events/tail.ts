import { SelectionError } from '../kernel/errors.ts';
import { quote } from '../kernel/print.ts';
import { RULES, type OptionRules } from '../kernel/verb-options.ts';
import type { LoggedEvent } from './logged-event.ts';
import type { Position } from './position.ts';
import type { LivePort, StorePort, TailPort } from './store-port.ts';
import type { CursorClaims } from './tail-cursor.ts';
import { TailReader, type TailSource } from './tail-reader.ts';

/** Options of `store.tail`. */
export interface TailOptions {
  /**
   * The first position to give. With a cursor it says where a new one starts, 1 by default, and is passed over for one that was used
   * before. `Infinity`, the default without a cursor, stands for what is appended next.
   */
  readonly from?: Position;
  /** Under which name the store remembers how far this tail came. */
  readonly cursor?: string;
  /** Ends the tail, quietly. */
  readonly signal?: AbortSignal;
}

/** What an option of a tail must be. */
export const TAIL_RULES: OptionRules<TailOptions> = {
  from: RULES.position,
  cursor: {
    // Cursors are found by the bytes of their names, and half a character has none of its own.
    accepts: (value) => typeof value === 'string' && value !== '' && !/\p{Surrogate}/u.test(value),
    cure: 'Give a name for it: a string that is not empty.',
  },
  signal: RULES.signal,
};

/** What {@link Tailing} takes of its store. */
export interface TailingOptions {
  readonly port: StorePort;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Shared by all who hold the store in this process. */
  readonly claims: CursorClaims;
}

/** The tails of one hold on a store. */
export class Tailing {
  readonly #options: TailingOptions;
  readonly #open = new Set<TailReader>();

  constructor(options: TailingOptions) {
    this.#options = options;
  }

  /** A tail of options that were checked. Nothing is held before its first event is asked for. */
  tail(options: TailOptions, pageSize?: number): AsyncIterable<LoggedEvent> {
    const source: TailSource = { ...this.#options, port: tailPort(this.#options.port), open: this.#open, pageSize };
    const { from = options.cursor === undefined ? Infinity : 1 } = options;
    const start = from === Infinity ? source.port.head().then((head) => head + 1) : Promise.resolve(Math.max(1, from));
    // Told to whoever asks for the first event; nobody may ever do.
    start.catch(() => undefined);
    return { [Symbol.asyncIterator]: () => iterate(new TailReader(source, { ...options, start })) };
  }

  /** Ends them all. What they have to write is asked of the port before this returns. */
  stop(): void {
    for (const reader of this.#open) reader.stop();
  }
}

/** A generator by itself would answer `return` only after the event that it waits for. */
function iterate(reader: TailReader): AsyncIterator<LoggedEvent, void, undefined> {
  const events = reader.events();
  return {
    next: () => events.next(),
    return: () => {
      reader.finish();
      return events.return();
    },
  };
}

const TAILED: readonly (keyof TailPort)[] = ['watch', 'cursor', 'setCursor'];

/**
 * A port as one that can be tailed.
 *
 * @throws SelectionError INVALID_OPTION for a port that wraps another one and passes less on
 */
function tailPort(port: StorePort): TailPort {
  checkMethods(port, TAILED, 'store.tail');
  // It has every method that a port for tails has and any other has not.
  return port as TailPort;
}

/**
 * A port as one that a live service can stand on.
 *
 * @throws SelectionError INVALID_OPTION for a port that wraps another one and passes less on
 */
export function livePort(port: StorePort): LivePort {
  checkMethods(port, LIVED, 'live');
  // As above.
  return port as LivePort;
}

const LIVED: readonly (keyof LivePort)[] = [...TAILED, 'offsets', 'lastUnsuccessful'];

/** Whether a live service can stand on a port. */
export function isLivePort(port: StorePort): port is LivePort {
  return LIVED.every((method) => typeof Reflect.get(port, method) === 'function');
}

function checkMethods(port: StorePort, methods: readonly (keyof LivePort)[], verb: 'store.tail' | 'live'): void {
  const missing = methods.find((method) => typeof Reflect.get(port, method) !== 'function');
  if (missing === undefined) return;
  const refused = verb === 'live' ? 'cannot carry a live service' : 'cannot be tailed';
  throw new SelectionError(
    'INVALID_OPTION',
    `The store ${quote(port.label)} ${refused}: its port has no method "${missing}". Give it the methods of ${verb === 'live' ? 'LivePort' : 'TailPort'}.`,
    { details: { verb, label: port.label } },
  );
}
