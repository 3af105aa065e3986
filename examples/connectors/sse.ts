import { SluiceError, type LoggedEvent, type Store } from 'sluice';

/** Options of {@link changesResponse}. */
export interface ChangesResponseOptions {
  /** Whose changes to send; those of every asset where it is left out. */
  readonly assets?: readonly string[];
  /** Ends the streams: a server that closes would wait for its clients otherwise. */
  readonly signal?: AbortSignal;
  /** How often to send something where nothing changes, so that nobody in between takes the connection for dead. */
  readonly heartbeatMs?: number;
}

/** The end of a log, as far as a stream of its changes goes. */
type Start = { readonly from: number } | { readonly refusal: string };

/**
 * Changes of assets as Server-Sent Events, for any server that speaks `Request` and `Response`. They are read from the log, so what is sent is on
 * disk, and the id of each is its position: a client that comes back with the last one it saw (`Last-Event-ID`, as an EventSource does by itself)
 * goes on behind it, with no gap and nothing twice. `?after=POSITION` says the same for the first time, `?after=0` gives all that there is.
 *
 * A client that reads slowly is waited for: of what it has not read, one page of the log is in memory.
 */
export async function changesResponse(request: Request, store: Store, options: ChangesResponseOptions = {}): Promise<Response> {
  const start = await startOf(request, store);
  if ('refusal' in start) return Response.json({ error: start.refusal }, { status: 400 });
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const keys = options.assets === undefined ? undefined : new Set(options.assets);
  const messages = messagesOf(store, store.tail({ ...start, signal }), keys);
  let heartbeat: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      // Something at once: it opens the connection.
      controller.enqueue(bytesOf(': changes\n\n'));
      const beat = (): void => void ((controller.desiredSize ?? 0) > 0 && controller.enqueue(bytesOf(': still here\n\n')));
      heartbeat = setInterval(beat, options.heartbeatMs ?? 15_000);
    },
    pull: async (controller) => {
      const next = await messages.next();
      if (next.done !== true) return controller.enqueue(bytesOf(next.value));
      clearInterval(heartbeat);
      controller.close();
    },
    cancel: () => {
      clearInterval(heartbeat);
      gone.abort();
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' } });
}

/** Where the client wants to go on. What it saw must be in this log: one from another log would wait for what never comes, or miss what did. */
async function startOf(request: Request, store: Store): Promise<Start> {
  const after = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('after');
  if (after === null) return { from: Infinity };
  if (!/^\d{1,15}$/.test(after))
    return { refusal: `${JSON.stringify(after)} is no position. Give the id of a change, or 0 for all that there is.` };
  const position = Number(after);
  if (position === 0) return { from: 1 };
  for await (const _ of store.events({ from: position, to: position })) return { from: position + 1 };
  return {
    refusal: `This log has not come to position ${position}: it is another one. Begin again with 0, or with what the service shows now.`,
  };
}

async function* messagesOf(
  store: Store,
  events: AsyncIterable<LoggedEvent>,
  keys: ReadonlySet<string> | undefined,
): AsyncGenerator<string, undefined> {
  for await (const event of events) {
    if (event.type !== 'asset-materialized' && event.type !== 'asset-absent') continue;
    if (keys !== undefined && !keys.has(event.key)) continue;
    const { key, position } = event;
    const now = event.type === 'asset-absent' ? { state: 'absent' } : await valueAt(store, key, position);
    // JSON has no line breaks of its own, so that the data is one line.
    yield `id: ${position}\nevent: change\ndata: ${JSON.stringify({ key, position, ...now })}\n\n`;
  }
  return undefined;
}

/** Retention removes no value that is an asset's newest, so a later change follows one that is removed. */
async function valueAt(store: Store, key: string, position: number): Promise<object> {
  try {
    return { state: 'value', value: await store.value(key, { position }) };
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'VALUE_REMOVED') return { state: 'removed' };
    throw error;
  }
}

const encoder = new TextEncoder();

function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
