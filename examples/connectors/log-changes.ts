import { SluiceError, type LoggedEvent, type Store } from 'sluice';

/** An event of the log after which an asset is another one than before. */
export type ChangeEvent = Extract<LoggedEvent, { readonly type: 'asset-materialized' | 'asset-absent' }>;

/** Where a client goes on in the log, or why it cannot. */
export type Start = { readonly from: number } | { readonly refusal: string };

/**
 * Where a client wants to go on: behind the position that it saw last, from the beginning with 0, from now on with nothing. What it saw must be in this
 * log: one from another log would wait for what never comes, or miss what did.
 */
export async function startBehind(after: string | null, store: Store): Promise<Start> {
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

/** The changes of some assets, or of all, among events. */
export async function* changesIn(
  events: AsyncIterable<LoggedEvent>,
  assets: readonly string[] | undefined,
): AsyncGenerator<ChangeEvent, undefined> {
  const keys = assets === undefined ? undefined : new Set(assets);
  for await (const event of events) {
    if (event.type !== 'asset-materialized' && event.type !== 'asset-absent') continue;
    if (keys === undefined || keys.has(event.key)) yield event;
  }
  return undefined;
}

/** A change as JSON of one line. Retention removes no value that is an asset's newest, so a later change follows one that is removed. */
export async function jsonOf(event: ChangeEvent, store: Store): Promise<string> {
  const { key, position } = event;
  const now = event.type === 'asset-absent' ? { state: 'absent' } : await valueAt(store, key, position);
  return JSON.stringify({ key, position, ...now });
}

async function valueAt(store: Store, key: string, position: number): Promise<object> {
  try {
    return { state: 'value', value: await store.value(key, { position }) };
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'VALUE_REMOVED') return { state: 'removed' };
    throw error;
  }
}
