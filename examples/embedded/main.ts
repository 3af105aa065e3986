/** Sluice in a plain Node service: POST a reading, GET what follows from it. Usage: main.ts [FOLDER] [PORT] */
import { createServer, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { asset, define, feed, input, live, SluiceError, source } from 'sluice';
import { openStore } from 'sluice/store';
import { z } from 'zod';

const comfort = asset({
  key: 'comfort',
  codeVersion: '1',
  inputs: { readings: input<readonly number[]>() },
  run: ({ readings }) => {
    const average = readings.reduce((sum, reading) => sum + reading, 0) / readings.length;
    return { readings: readings.length, average, feels: average < 18 ? 'cold' : average > 26 ? 'hot' : 'fine' };
  },
});
const definitions = define({ assets: [source<readonly number[]>('readings'), comfort] });

const [folder = '.sluice', port = '3000'] = process.argv.slice(2);
const store = await openStore(folder);
// What is POSTed is one reading, and the source's value is the last hundred of them.
const readings = feed<readonly number[], number>({ fold: (known, reading) => [...(known ?? []), reading].slice(-100) });
const service = await live(definitions, { store, sources: { readings } });

const reading = z.number().min(-90).max(60);

async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
  if (request.method === 'POST' && request.url === '/readings') {
    const given = reading.safeParse(await json(request).catch(() => undefined));
    // Answered when it is on disk, with all that came of it.
    return given.success ? [201, await service.push('readings', given.data)] : [400, { error: 'POST a number of degrees from -90 to 60.' }];
  }
  if (request.method !== 'GET' || request.url !== '/comfort') return [404, { error: 'There are POST /readings and GET /comfort.' }];
  const now = await service.current('comfort');
  return now?.state === 'value' ? [200, now.value] : [404, { error: 'There is no reading yet.' }];
}

const server = createServer((request, response) => {
  const failed = (error: unknown): readonly [number, unknown] => [
    503,
    { error: error instanceof SluiceError ? error.message : String(error) },
  ];
  void answer(request)
    .catch(failed)
    .then(([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`));
});
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`Listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : port}\n`);
});

// Requests that came are answered, what they pushed is on disk, and the store is let go of: nothing is left to do, and the process ends.
async function stop(): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  await service.close();
  await store.close();
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
