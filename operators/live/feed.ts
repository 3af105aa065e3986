import type { Observable } from 'rxjs';
import { DefinitionError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { checkRetry, type RetryPolicy } from '../../lib/model/retry.ts';
import type { Clock } from '../step/clock.ts';
import { compareOffsets } from './compare-offsets.ts';
import type { Overflow } from './intake.ts';

declare const feeds: unique symbol;

/** Given as an item, it ends an epoch: what came before it is taken together. */
export const endOfEpoch: unique symbol = Symbol('endOfEpoch');

/** What a feed is told when it is opened. */
export interface FeedContext {
  /** The offset of the last item that is applied and on disk; `undefined` where there is none: go on behind it. */
  readonly offset: string | undefined;
  /** Aborted when nothing more is wanted. */
  readonly signal: AbortSignal;
  /** The service's time. */
  readonly clock: Clock;
}

/** Where items come from: pushed by an Observable, or pulled from anything that can be iterated, a Node stream too. */
export type Origin<Item> =
  Observable<Item | typeof endOfEpoch> | AsyncIterable<Item | typeof endOfEpoch> | Iterable<Item | typeof endOfEpoch>;

/** Options of {@link feed}. */
export interface FeedOptions<T, Item> {
  /** Where the items come from, or what opens it: a function is told where to go on, for origins that can replay. */
  readonly from?: Origin<Item> | ((context: FeedContext) => Origin<Item> | Promise<Origin<Item>>);
  /** Where an item stands in its origin. An item at or before what is applied already is dropped. */
  readonly offset?: (item: Item) => string;
  /** Which of two offsets comes first; by default digits are compared as numbers, and everything else as text. */
  readonly compare?: (a: string, b: string) => number;
  /** The next value of the source; by default the item itself. */
  readonly fold?: (current: T | undefined, item: Item) => T;
  /**
   * What to do with an item for which there is no room: `block` (the default of what is pulled) asks the origin for no more; `conflate` lets a
   * later item stand for the one before it; `dropOldest`; `error` refuses it, and ends the feed. What is pushed has to choose.
   */
  readonly overflow?: Overflow;
  /** How many items may wait for an epoch; 1,000 by default. */
  readonly capacity?: number;
  /** What stands for two items under `conflate`; the later one by default, which a feed with a `fold` cannot have. */
  readonly merge?: (earlier: Item, later: Item) => Item;
  /** The source's value before the first item, so that the service need not wait for one. */
  readonly initial?: T;
  /**
   * When to open the origin again after it failed, as often as it says in a row; an item that is applied begins the count anew. An item that is
   * refused is lost where `from` is no function that is told an `offset`: those count for as long as the service lives. Without it, a feed that
   * fails ends the service.
   */
  readonly restart?: RetryPolicy;
  /** Called for each item, in order, when it is on disk, or need not be: what a queue is acknowledged by. */
  readonly acknowledge?: (item: Item) => void | Promise<void>;
}

/** How a source gets its values in a live service. `T` exists for the compiler alone. */
export interface Feed<T = unknown> {
  readonly kind: 'feed';
  readonly from: FeedOptions<unknown, unknown>['from'];
  readonly offset: ((item: unknown) => string) | undefined;
  readonly compare: (a: string, b: string) => number;
  readonly fold: ((current: unknown, item: unknown) => unknown) | undefined;
  readonly overflow: Overflow | undefined;
  readonly capacity: number;
  readonly merge: ((earlier: unknown, later: unknown) => unknown) | undefined;
  readonly initial: { readonly value: unknown } | undefined;
  readonly restart: RetryPolicy | undefined;
  readonly acknowledge: ((item: unknown) => unknown) | undefined;
  readonly [feeds]?: T;
}

const DEFAULT_CAPACITY = 1000;
const OVERFLOWS: ReadonlySet<unknown> = new Set(['block', 'conflate', 'dropOldest', 'error']);
const FIELDS: Readonly<Record<keyof FeedOptions<unknown, unknown>, true>> = {
  from: true,
  offset: true,
  compare: true,
  fold: true,
  overflow: true,
  capacity: true,
  merge: true,
  initial: true,
  restart: true,
  acknowledge: true,
};

/**
 * Says how a source gets its values in a live service.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function feed<T, Item = T>(options: FeedOptions<T, Item>): Feed<T> {
  const where = 'feed()';
  if (!isRecord(options)) throw invalid(where, `takes its options as one object, and got ${kindOf(options)}`);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(FIELDS, name));
  if (unknown !== undefined) throw invalid(where, `has no option ${quote(unknown)}; it has ${Object.keys(FIELDS).join(', ')}`);
  // Items are what the origin gives, whatever that is: the compiler has seen that the functions fit it.
  const given = options as FeedOptions<unknown, unknown>;
  checkFunctions(given, where);
  checkBounds(given, where);
  const { from, offset, compare = compareOffsets, fold, overflow, capacity = DEFAULT_CAPACITY, merge, acknowledge } = given;
  const initial = Object.hasOwn(options, 'initial') ? { value: given.initial } : undefined;
  return Object.freeze({
    kind: 'feed',
    from,
    offset,
    compare,
    fold,
    overflow: overflow ?? defaultOverflow(from),
    capacity,
    merge,
    initial,
    restart: checkRetry(given.restart, where),
    acknowledge,
  });
}

const FUNCTIONS = ['offset', 'compare', 'fold', 'merge', 'acknowledge'] as const;

function checkFunctions(given: FeedOptions<unknown, unknown>, where: string): void {
  for (const name of FUNCTIONS)
    if (given[name] !== undefined && typeof given[name] !== 'function') throw invalid(where, `got a ${quote(name)} that is no function`);
  const { from } = given;
  if (from !== undefined && typeof from !== 'function' && !isOrigin(from))
    throw invalid(where, `got a "from" that is ${kindOf(from)}. Give an Observable, something to iterate, or a function that opens one`);
}

function checkBounds({ overflow, capacity = DEFAULT_CAPACITY, fold, merge }: FeedOptions<unknown, unknown>, where: string): void {
  if (overflow !== undefined && !OVERFLOWS.has(overflow))
    throw invalid(where, `got an "overflow" that is none. Give "block", "conflate", "dropOldest" or "error"`);
  if (!Number.isInteger(capacity) || capacity < 1) throw invalid(where, 'got a "capacity" that is no whole number from 1');
  if (overflow === 'conflate' && fold !== undefined && merge === undefined)
    throw invalid(where, 'has a "fold" and conflates: say with "merge" which item stands for two, since none of them may be left out');
}

/** What is pulled can be made to wait; for what is pushed, by an origin or by hand, somebody has to choose. */
function defaultOverflow(from: unknown): Overflow | undefined {
  return isPushed(from) || from === undefined ? undefined : 'block';
}

/** Whether a value pushes: an Observable, of this or another library. */
export function isPushed(origin: unknown): origin is Observable<unknown> {
  return typeof origin === 'object' && origin !== null && typeof Reflect.get(origin, 'subscribe') === 'function';
}

/** Whether items can be had from a value. */
export function isOrigin(value: unknown): value is Origin<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return isPushed(value) || Symbol.asyncIterator in value || Symbol.iterator in value;
}

/**
 * A feed as it was given: made with `feed`, or an origin alone.
 *
 * @throws DefinitionError INVALID_DEFINITION, OVERFLOW_UNDECLARED where what is pushed has no policy for when it is too much
 */
export function asFeed(given: unknown, key: string): Feed {
  const isFeed = isRecord(given) && given['kind'] === 'feed';
  // Made by feed(), which alone gives this kind.
  const made = isFeed ? (given as unknown as Feed) : isOrigin(given) ? feed<unknown, unknown>({ from: given }) : undefined;
  if (made === undefined)
    throw invalid(`The feed of source ${quote(key)}`, `is ${kindOf(given)}. Give an Observable, something to iterate, or feed({ … })`);
  if (made.overflow === undefined && isPushed(made.from)) throw overflowUndeclared(key);
  if (made.overflow === 'block' && (made.from === undefined || isPushed(made.from))) throw overflowUndeclared(key);
  return made;
}

/** The refusal of an origin that pushes and cannot be slowed down. */
export function overflowUndeclared(key: string): DefinitionError {
  return new DefinitionError(
    'OVERFLOW_UNDECLARED',
    `Source ${quote(key)} is pushed, and nothing says what to do when it pushes faster than the graph runs. Give feed({ from, overflow }) with "conflate", "dropOldest" or "error": what is pushed cannot be blocked.`,
    { details: { key } },
  );
}

function invalid(where: string, problem: string): DefinitionError {
  return new DefinitionError('INVALID_DEFINITION', `${where} ${problem}.`, { details: { where } });
}
