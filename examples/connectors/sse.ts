import type { Store } from 'sluice';
import { changesIn, jsonOf, startBehind, type ChangeEvent } from './log-changes.ts';

/** Options of {@link changesResponse}. */
export interface ChangesResponseOptions {
  /** Whose changes to send; those of every asset where it is left out. */
  readonly assets?: readonly string[];
  /** Ends the streams: a server that closes would wait for its clients otherwise. */
  readonly signal?: AbortSignal;
  /** How often to send something where nothing changes, so that nobody in between takes the connection for dead. */
  readonly heartbeatMs?: number;
}

/**
 * Changes of assets as Server-Sent Events, for any server that speaks `Request` and `Response`. They are read from the log, so what is sent is on
 * disk, and the id of each is its position: a client that comes back with the last one it saw (`Last-Event-ID`, as an EventSource does by itself)
 * goes on behind it, with no gap and nothing twice. `?after=POSITION` says the same for the first time, `?after=0` gives all that there is.
 *
 * A client that reads slowly is waited for: of what it has not read, one page of the log is in memory.
 */
export async function changesResponse(request: Request, store: Store, options: ChangesResponseOptions = {}): Promise<Response> {
  const after = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('after');
  const start = await startBehind(after, store);
  if ('refusal' in start) return Response.json({ error: start.refusal }, { status: 400 });
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const messages = messagesOf(store, changesIn(store.tail({ ...start, signal }), options.assets));
  let heartbeat: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      // Something at once: it opens the connection.
      controller.enqueue(bytesOf(': changes\n\n'));
      const beat = (): void => void ((controller.desiredSize ?? 0) > 0 && controller.enqueue(bytesOf(': still here\n\n')));
      heartbeat = setInterval(beat, options.heartbeatMs ?? 15_000);
    },
    pull: async (controller) => {
      let isOver = true;
      try {
        const next = await messages.next();
        isOver = next.done === true;
        if (next.done === true) controller.close();
        else controller.enqueue(bytesOf(next.value));
      } finally {
        if (isOver) clearInterval(heartbeat);
      }
    },
    cancel: () => {
      clearInterval(heartbeat);
      gone.abort();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' } });
}

async function* messagesOf(store: Store, changes: AsyncIterable<ChangeEvent>): AsyncGenerator<string, undefined> {
  // JSON has no line breaks of its own, so that the data is one line.
  for await (const change of changes) yield `id: ${change.position}\nevent: change\ndata: ${await jsonOf(change, store)}\n\n`;
  return undefined;
}

const encoder = new TextEncoder();

function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
