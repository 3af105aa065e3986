import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asset, define, input, live, source, type Store } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { sendChanges, type SendChangesOptions } from '../../examples/connectors/websocket.ts';

const CHARACTERS = 200_000;

const double = asset({ key: 'double', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => 2 * n });
/** Large enough that a client which does not read is soon behind. */
const large = asset({ key: 'large', codeVersion: '1', inputs: { n: input<number>() }, run: ({ n }) => `${n} `.padEnd(CHARACTERS, '.') });
const definitions = define({ assets: [source<number>('n'), double, large] });

interface Message {
  readonly key: string;
  readonly position: number;
  readonly value: unknown;
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A service, and a server that sends its changes as the address of the client asks for them. */
async function serving(options: Partial<SendChangesOptions> = {}) {
  const store: Store = memoryStore();
  const service = await live(definitions, { store });
  const http: Server = createServer();
  const sockets = new WebSocketServer({ server: http });
  const ended: Promise<void>[] = [];
  sockets.on('connection', (socket, { url = '/' }) => {
    const { searchParams } = new URL(url, 'http://localhost');
    const lag = searchParams.get('lag') === 'latest' ? 'latest' : 'lossless';
    ended.push(sendChanges(socket, store, { after: searchParams.get('after'), lag, ...options }));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(
    () => service.close(),
    () => new Promise((resolve) => http.close(resolve)),
    () => sockets.clients.forEach((socket) => socket.terminate()),
  );
  // What listens on a port of an address has one.
  const { port } = http.address() as AddressInfo;
  const connect = async (query: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${query}`);
    const messages: Message[] = [];
    // What the server sends is JSON.
    socket.on('message', (data: Buffer) => void messages.push(JSON.parse(data.toString()) as Message));
    closers.push(() => socket.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return { socket, messages };
  };
  return { store, service, connect, ended, sockets };
}

async function until(claim: () => boolean): Promise<void> {
  for (const end = performance.now() + 20_000; !claim();) {
    if (performance.now() > end) throw new Error(`this does not come to hold: ${claim.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const valuesOf = (messages: readonly Message[], key: string): unknown[] =>
  messages.filter((message) => message.key === key).map(({ value }) => value);

test('a client gets each change of the assets that it asks for, from its connection on or from the beginning', async () => {
  const { service, connect } = await serving({ assets: ['double'] });
  await service.push('n', 1);
  const [late, all] = [await connect(''), await connect('?after=0')];
  await until(() => all.messages.length === 1);
  await service.push('n', 2);
  await until(() => late.messages.length === 1 && all.messages.length === 2);
  expect([valuesOf(late.messages, 'double'), valuesOf(all.messages, 'double')]).toEqual([[4], [2, 4]]);
});

test('one that is cut off again and again, and comes back with the last position that it saw, misses nothing and sees nothing twice', async () => {
  const { service, connect } = await serving({ assets: ['double'] });
  const seen: Message[] = [];
  const pushing = (async () => {
    for (let n = 1; n <= 60; n += 1) {
      await service.push('n', n);
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  while (seen.length < 60) {
    const { socket, messages } = await connect(`?after=${seen.at(-1)?.position ?? 0}`);
    await until(() => messages.length > 0);
    socket.terminate();
    seen.push(...messages.splice(0));
  }
  await pushing;
  expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: 60 }, (_, index) => 2 * (index + 1)));
});

test('a slow client of the latest harms nobody: it gets few changes and the last one, and who reads gets all of them', async () => {
  const { service, connect } = await serving();
  const [slow, quick] = [await connect('?after=0&lag=latest'), await connect('?after=0')];
  slow.socket.pause();
  const last = 150;
  for (let n = 1; n <= last; n += 1) await service.push('n', n);
  await until(() => valuesOf(quick.messages, 'double').length === last);
  expect(valuesOf(quick.messages, 'double')).toEqual(Array.from({ length: last }, (_, index) => 2 * (index + 1)));
  expect(slow.messages).toEqual([]);
  slow.socket.resume();
  await until(
    () => valuesOf(slow.messages, 'double').at(-1) === 2 * last && String(valuesOf(slow.messages, 'large').at(-1)).startsWith(`${last} `),
  );
  expect(valuesOf(slow.messages, 'large').length).toBeLessThan(last);
  const positions = slow.messages.map(({ position }) => position);
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
});

test('a slow client that wants every change gets every change, and nothing is piled up for it', async () => {
  const { service, connect, sockets } = await serving();
  const slow = await connect('?after=0');
  slow.socket.pause();
  for (let n = 1; n <= 100; n += 1) await service.push('n', n);
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const { bufferedAmount } of sockets.clients) expect(bufferedAmount).toBeLessThan(4 * CHARACTERS);
  slow.socket.resume();
  await until(() => valuesOf(slow.messages, 'large').length === 100);
});

test('one that saw another log is refused, and one that is gone without a word is let go', async () => {
  const { connect, ended } = await serving({ heartbeatMs: 20 });
  const lost = await connect('?after=999');
  const code = await new Promise((resolve) => lost.socket.once('close', resolve));
  expect([code, lost.messages]).toEqual([1008, [{ error: expect.stringContaining('This log has not come to position 999') }]]);
  const silent = await connect('');
  // It reads nothing, and so it answers nothing.
  silent.socket.pause();
  await ended[1];
  expect(ended).toHaveLength(2);
});
