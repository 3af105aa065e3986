import { Redis } from 'ioredis';
import { feed, type Feed, type FeedContext, type RetryPolicy } from 'sluice';

/** An entry of a Redis stream. */
export interface StreamEntry {
  /** `MILLISECONDS-NUMBER`, as Redis gave it: the offset. */
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Which stream is a source, and of what. */
export interface RedisStreamOptions<T> {
  /** `redis://HOST:PORT/DATABASE` */
  readonly url: string;
  readonly stream: string;
  /** The next value of the source, from the one before and an entry. */
  readonly fold: (current: T | undefined, entry: StreamEntry) => T;
  /** When to connect again; by default without end, after 0.1 s, 0.2 s, 0.4 s, … up to ten seconds. */
  readonly restart?: RetryPolicy;
}

const ENTRIES_AT_ONCE = 500;
const WAIT_MS = 1000;
const PATIENT: RetryPolicy = { max: Number.MAX_SAFE_INTEGER, delayMs: 100, backoff: 'exponential', maxDelayMs: 10_000 };

/**
 * A Redis stream as the feed of one service. The store remembers the id of the last entry that is applied, in the same transaction as what came of
 * it, so no consumer group has to: a group would know it a little earlier or later than the store. What is on disk is trimmed from the stream.
 */
export function redisStream<T>({ url, stream, fold, restart = PATIENT }: RedisStreamOptions<T>): Feed<T> {
  const onDisk: { id?: string } = {};
  return feed<T, StreamEntry>({
    from: (context) => entriesOf({ url, stream, onDisk }, context),
    offset: ({ id }) => id,
    fold,
    restart,
    acknowledge: ({ id }) => void (onDisk.id = id),
  });
}

interface Reading {
  readonly url: string;
  readonly stream: string;
  readonly onDisk: { readonly id?: string };
}

async function* entriesOf({ url, stream, onDisk }: Reading, { offset, signal }: FeedContext): AsyncGenerator<StreamEntry, void> {
  // The feed opens its origin again behind what is on disk: a client that tries again by itself would hide that something is wrong.
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  // Every command rejects with it, too.
  redis.on('error', () => undefined);
  const leave = (): void => redis.disconnect();
  signal.addEventListener('abort', leave, { once: true });
  try {
    await redis.connect();
    let [last, trimmed] = [offset ?? '0', offset];
    while (!signal.aborted) {
      const found = await redis.xread('COUNT', ENTRIES_AT_ONCE, 'BLOCK', WAIT_MS, 'STREAMS', stream, last);
      for (const [id, flat] of found?.[0]?.[1] ?? []) {
        yield { id, fields: fieldsOf(flat) };
        last = id;
      }
      if (onDisk.id === undefined || onDisk.id === trimmed) continue;
      trimmed = onDisk.id;
      // The entry itself stays: a stream whose last entry says where the service is can be looked at.
      await redis.xtrim(stream, 'MINID', trimmed);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', leave);
    redis.disconnect();
  }
}

/** Redis gives names and values in turns. */
function fieldsOf(flat: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : [])));
}
