import type { Store } from 'sluice';
import type { WebSocket } from 'ws';
import { changesIn, jsonOf, startBehind, type ChangeEvent } from './log-changes.ts';

/** Options of {@link sendChanges}. */
export interface SendChangesOptions {
  /** The position behind which the client goes on, as it says it; 0 for all that there is, `null` for what comes from now on. */
  readonly after: string | null;
  /** Whose changes to send; those of every asset where it is left out. */
  readonly assets?: readonly string[];
  /**
   * What a client gets that reads more slowly than assets change: `lossless`, the default, every change, as it comes to read it; `latest`, of each
   * asset the last one alone.
   */
  readonly lag?: 'lossless' | 'latest';
  /** How often to ask whether the client is still there. One that has not answered by the next time is let go. */
  readonly heartbeatMs?: number;
}

/**
 * Sends the changes of assets to a WebSocket, until it is closed: each a message of JSON with its `position`, which is on disk. A client that comes back
 * with the last position that it saw goes on behind it, with no gap and nothing twice, whichever way it lags.
 *
 * Each client reads the log by itself and is waited for alone. What it has not read is one page of the log under `lossless`, and one event of each
 * asset under `latest`; nobody else waits, neither the service nor other clients.
 */
export async function sendChanges(socket: WebSocket, store: Store, options: SendChangesOptions): Promise<void> {
  const gone = new AbortController();
  const stop = watchOver(socket, options.heartbeatMs ?? 15_000, gone);
  try {
    const start = await startBehind(options.after, store);
    if ('refusal' in start) {
      await send(socket, JSON.stringify({ error: start.refusal }));
      return socket.close(1008, 'unknown position');
    }
    const changes = changesIn(store.tail({ ...start, signal: gone.signal }), options.assets);
    for await (const change of options.lag === 'latest' ? latestOf(changes) : changes) {
      if (!(await send(socket, await jsonOf(change, store)))) return;
    }
    // The store was closed.
    socket.close(1001, 'going away');
  } catch (error) {
    socket.close(1011, 'failed');
    throw error;
  } finally {
    stop();
    gone.abort();
  }
}

/** Aborts when the client has gone, which it may do without a word. */
function watchOver(socket: WebSocket, ms: number, gone: AbortController): () => void {
  let isThere = true;
  const timer = setInterval(() => {
    if (!isThere) return socket.terminate();
    isThere = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, ms);
  socket.on('pong', () => (isThere = true));
  socket.on('close', () => gone.abort());
  // What goes wrong with a connection closes it.
  socket.on('error', () => undefined);
  if (socket.readyState !== socket.OPEN) gone.abort();
  return () => clearInterval(timer);
}

/**
 * Resolves when the message has left the process: a client that does not read is waited for here, and nothing is piled up. False where the client has
 * gone.
 */
function send(socket: WebSocket, text: string): Promise<boolean> {
  return new Promise((resolve) => socket.send(text, (error) => resolve(!error)));
}

/** Of changes, the last one of each asset among those that were not asked for yet, in the order of the log. */
async function* latestOf(changes: AsyncIterable<ChangeEvent>): AsyncGenerator<ChangeEvent, undefined> {
  const waiting = new Map<string, ChangeEvent>();
  let wake = (): void => undefined;
  let isOver = false;
  const reading = (async () => {
    for await (const change of changes) {
      // Behind all others, since it stands behind them in the log: what was sent last is before everything that waits.
      waiting.delete(change.key);
      waiting.set(change.key, change);
      wake();
    }
  })().finally(() => {
    isOver = true;
    wake();
  });
  // Heard at the end; until then nobody listens.
  reading.catch(() => undefined);
  for (;;) {
    const [next] = waiting.values();
    if (next !== undefined) {
      waiting.delete(next.key);
      yield next;
    } else if (isOver) {
      await reading;
      return undefined;
    } else await new Promise<void>((resolve) => (wake = resolve));
  }
}
