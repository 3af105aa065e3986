import { isReadable, type ReadableEvent } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import { readValue, type Store } from '../../lib/events/store.ts';
import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { assetKey, type AssetKey, type KeyLike } from '../../lib/model/asset-key.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import { checkRetry, delayAfter, type RetryPolicy } from '../../lib/model/retry.ts';
import { linkedAbortController, systemClock } from '../run/environment.ts';
import { checkStore, RUN_RULES } from '../run/options.ts';
import { whenDue } from '../run/when-due.ts';
import type { Clock } from '../step/clock.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';
import type { AssetNow } from './publication.ts';

/** What is to be brought to somebody outside: what an asset has become. */
export type Delivery<T = unknown> = {
  /** The same each time that this is delivered, and no other's: what the receiver tells a repetition by. */
  readonly id: string;
  readonly key: string;
  readonly position: Position;
  /** When it was recorded, in milliseconds since 1970. */
  readonly time: number;
  /** Aborted when the outbox is closed. */
  readonly signal: AbortSignal;
} & AssetNow<T>;

/** Options of {@link outbox}. */
export interface OutboxOptions {
  /** Under which name the store remembers how far it came. */
  readonly name: string;
  /** Whose changes to deliver; those of every asset where it is left out. What sources are given is no change of an asset, and stays inside. */
  readonly assets?: readonly KeyLike[];
  /** Brings one change to its receiver. What it throws is tried again, as `retry` says. */
  readonly deliver: (delivery: Delivery) => void | Promise<void>;
  /** When to try again; by default without end, after 1 s, 2 s, 4 s, … up to a minute. */
  readonly retry?: RetryPolicy;
  /** Where an outbox of a new name starts: 1, the default, delivers all that there is. */
  readonly from?: Position;
  /** What decodes values of codecs that the store was not opened with. */
  readonly defs?: Definitions;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/** Changes on their way out. */
export interface Outbox {
  /** Resolves when the outbox was closed, and rejects with SelectionError OUTBOX_FAILED or StoreError where it ended by itself. */
  readonly closed: Promise<void>;
  /** Delivers no more. What was not delivered then, the next outbox of this name delivers. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const OUTBOX_RULES: OptionRules<OutboxOptions> = {
  name: { accepts: (value) => typeof value === 'string' && value !== '', cure: 'Give a string that is not empty.' },
  assets: { accepts: Array.isArray, cure: 'Give a list of keys.' },
  deliver: RULES.function,
  retry: { accepts: (value) => typeof value === 'object' && value !== null, cure: 'Give a retry policy: { max, delayMs, backoff, … }.' },
  from: RULES.position,
  defs: { accepts: (value) => typeof value === 'object' && value !== null, cure: 'Give what define() returned.' },
  signal: RULES.signal,
  clock: RUN_RULES.clock,
};

const PATIENT: RetryPolicy = { max: Number.MAX_SAFE_INTEGER, delayMs: 1000, backoff: 'exponential', maxDelayMs: 60_000 };

/**
 * Delivers every change of assets to somebody outside, in the order of the log, each at least once: the cursor follows what was delivered,
 * and is written within a second. A crash repeats what was delivered since, and what was under way, under the same ids.
 *
 * @throws SelectionError INVALID_OPTION, INVALID_KEY, DefinitionError INVALID_DEFINITION
 */
export function outbox(store: Store, options: OutboxOptions): Outbox {
  checkStore('outbox', store);
  checkVerbOptions('outbox', options, OUTBOX_RULES);
  const { name, deliver, from, defs, clock = systemClock, signal } = options;
  for (const needed of ['name', 'deliver'] as const) {
    if (options[needed] === undefined)
      throw new SelectionError('INVALID_OPTION', `outbox() needs ${quote(needed)}. ${OUTBOX_RULES[needed].cure}`, {
        details: { option: needed },
      });
  }
  const keys = options.assets === undefined ? undefined : new Set(options.assets.map((key) => assetKey(key, 'outbox()')));
  const { controller, unlink } = linkedAbortController(signal);
  const codecs = defs === undefined ? store.codecs : new Map([...store.codecs, ...defs.codecs]);
  const retry = checkRetry(options.retry, 'outbox()') ?? PATIENT;
  const parts: OutboxParts = { store, name, keys, codecs, deliver, retry, clock, from, signal: controller.signal };
  const closed = run(parts).finally(unlink);
  closed.catch(() => undefined);
  const close = async (): Promise<void> => {
    controller.abort();
    await closed;
  };
  return Object.freeze({ closed, close, [Symbol.asyncDispose]: () => close().catch(() => undefined) });
}

interface OutboxParts {
  readonly store: Store;
  readonly name: string;
  readonly keys: ReadonlySet<AssetKey> | undefined;
  readonly codecs: Store['codecs'];
  readonly deliver: (delivery: Delivery) => unknown;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly from: Position | undefined;
  readonly signal: AbortSignal;
}

async function run(parts: OutboxParts): Promise<void> {
  const { store, name, keys, from, signal } = parts;
  for await (const event of store.tail({ cursor: `outbox/${name}`, signal, ...(from !== undefined && { from }) })) {
    if (!isReadable(event) || event.type === 'source-observed' || event.type === 'asset-unchanged') continue;
    if (keys !== undefined && !keys.has(event.key)) continue;
    // Left here, the event comes again; asking for another one says that this one was delivered.
    if (!(await deliverOne(parts, event))) return;
  }
}

async function deliverOne(parts: OutboxParts, event: ReadableEvent): Promise<boolean> {
  const { store, name, codecs, deliver, retry, clock, signal } = parts;
  const { key, position, time } = event;
  const now: AssetNow =
    event.type === 'asset-absent'
      ? { state: 'absent' }
      : { state: 'value', value: await readValue(store.port, event, codecs), version: event.version };
  const delivery = Object.freeze({ id: `${name}/${key}@${position}`, key, position, time, signal, ...now });
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      await deliver(delivery);
      return true;
    } catch (error) {
      if (attempt > retry.max || retry.when?.(error, attempt) === false) throw undeliverable(name, delivery, error);
      await new Promise<void>((resolve) => whenDue(delayAfter(retry, attempt, clock.random()), { clock, signal }, resolve));
    }
  }
  return false;
}

function undeliverable(name: string, { key, position, id }: Delivery, cause: unknown): SelectionError {
  return new SelectionError(
    'OUTBOX_FAILED',
    `The outbox ${quote(name)} could not deliver ${quote(key)} of position ${position}: ${readThrown(cause).said}. It stopped there, and starts there again: mend its receiver, or give it a "retry" with more patience.`,
    { details: { name, key, position, id }, cause },
  );
}
