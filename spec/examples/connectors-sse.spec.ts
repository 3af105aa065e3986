import { asset, define, input, refresh, source, type Store } from 'sluice';
import { pruneStore } from 'sluice/store';
import { memoryStore } from 'sluice/store/memory';
import { expect, test, vi } from 'vitest';
import { changesResponse, type ChangesResponseOptions } from '../../examples/connectors/sse.ts';

const double = asset({ key: 'double', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => 2 * n });
const square = asset({ key: 'square', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => n * n });
const definitions = define({ assets: [source<number>('n'), double, square] });

const make = async (store: Store, n: number): Promise<unknown> => refresh(definitions, { store, sources: { n } });
const ask = (store: Store, path: string, options?: ChangesResponseOptions & { readonly lastEventId?: string }): Promise<Response> => {
  const headers: Record<string, string> = options?.lastEventId === undefined ? {} : { 'last-event-id': options.lastEventId };
  return changesResponse(new Request(`http://localhost${path}`, { headers }), store, options);
};

/** The text of a stream up to and with a part of it; then it is left. */
async function upTo(response: Response, part: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(part)) return text;
  }
  return text;
}

/** The data of the changes in a text. */
const dataOf = (text: string): unknown[] =>
  [...text.matchAll(/^id: (\d+)\nevent: change\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({ id, ...JSON.parse(data ?? '') }));

test('gives what changes from the request on, and nothing from before', async () => {
  const store = memoryStore();
  await make(store, 1);
  const response = await ask(store, '/', { assets: ['double'] });
  await make(store, 2);
  const text = await upTo(response, '"value":4');
  const { position } = (await store.latest('double')) ?? {};
  expect(dataOf(text)).toEqual([{ id: String(position), key: 'double', position, state: 'value', value: 4 }]);
});

test('gives no event of an asset that came out as before, and none of others than those asked for', async () => {
  const store = memoryStore();
  for (const n of [1, 3, -3]) await make(store, n);
  const text = await upTo(await ask(store, '/?after=0', { assets: ['square'] }), '"value":9');
  await make(store, 4);
  const all = await upTo(await ask(store, '/?after=0', { assets: ['square'] }), '"value":16');
  expect(dataOf(text)).toMatchObject([{ value: 1 }, { value: 9 }]);
  expect(dataOf(all)).toMatchObject([{ value: 1 }, { value: 9 }, { value: 16 }]);
});

test('goes on behind what the client saw last, whatever its address says', async () => {
  const store = memoryStore();
  for (const n of [1, 2, 3]) await make(store, n);
  const seen = dataOf(await upTo(await ask(store, '/?after=0', { assets: ['double'] }), '"value":4')).at(-1) as { readonly id: string };
  const rest = await upTo(await ask(store, '/?after=0', { assets: ['double'], lastEventId: seen.id }), '"value":6');
  expect(dataOf(rest)).toMatchObject([{ value: 6 }]);
});

test.each([
  ['a position of another log', '/?after=999', 'This log has not come to position 999: it is another one.'],
  ['what is no position', '/?after=-1', '"-1" is no position.'],
])('refuses %s', async (_, path, message) => {
  const store = memoryStore();
  await make(store, 1);
  const response = await ask(store, path);
  expect(response.status).toBe(400);
  expect(((await response.json()) as { readonly error: string }).error).toContain(message);
});

test('says of a value that retention removed that it is, and goes on', async () => {
  const store = memoryStore();
  for (const n of [1, 2, 3]) await make(store, n);
  await pruneStore(store, { versions: 1, runs: 0 });
  const text = await upTo(await ask(store, '/?after=0', { assets: ['double'] }), '"value":6');
  expect(dataOf(text)).toMatchObject([{ state: 'removed' }, { state: 'removed' }, { state: 'value', value: 6 }]);
});

test('sends something now and then where nothing changes, and ends with its signal', async () => {
  const store = memoryStore();
  await make(store, 1);
  const stopping = new AbortController();
  const response = await ask(store, '/', { heartbeatMs: 1, signal: stopping.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader?.read()).toEqual({ done: false, value: ': changes\n\n' });
  expect(await reader?.read()).toEqual({ done: false, value: ': still here\n\n' });
  stopping.abort();
  let last = await reader?.read();
  while (last?.done === false) last = await reader?.read();
  expect(last?.done).toBe(true);
});

test('where the log cannot be read any more, it fails as a stream, and nothing of it goes on', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const store = memoryStore();
    const broken: Store = {
      ...store,
      tail: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('the disk is gone')) }) }),
    };
    const { body } = await ask(broken, '/?after=0');
    const reader = body?.getReader();
    await reader?.read();
    await expect(reader?.read()).rejects.toThrow('the disk is gone');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
