/** A week of earthquakes, replayed as a live service. Usage: main.ts [FOLDER] [--port 3000] [--speed 10000] [--every MINUTES] */
import { serve } from '@hono/node-server';
import { parseArgs } from 'node:util';
import { openStore } from 'sluice/store';
import { describeError } from '../earthquakes/view/failure.ts';
import { complain, print } from '../earthquakes/view/terminal.ts';
import { progress } from './progress.ts';
import { startWeek } from './week-service.ts';
import { webOf } from './web.ts';

const MINUTE_MS = 60_000;

/** What was typed. Throws what is to be said of it where it is wrong. */
function readArguments(): { readonly folder: string; readonly port: number; readonly speed: number; readonly everyMs: number } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '3000' },
      speed: { type: 'string', default: '10000' },
      every: { type: 'string', default: '60' },
    },
  });
  const [folder = '.sluice'] = positionals;
  for (const name of ['speed', 'every'] as const)
    if (!(Number(values[name]) > 0)) throw new RangeError(`--${name} takes a number above 0, not ${JSON.stringify(values[name])}.`);
  return { folder, port: Number(values.port), speed: Number(values.speed), everyMs: Number(values.every) * MINUTE_MS };
}

async function main(): Promise<void> {
  const { folder, port: wanted, speed, everyMs } = readArguments();
  const store = await openStore(folder);
  const show = progress();
  const week = await startWeek({ store, speed, everyMs, onProgress: show });
  const stopping = new AbortController();
  const { signal } = stopping;
  const web = webOf({ store, standing: week.standing, signal });
  const server = serve({ fetch: web.fetch, port: wanted, hostname: '127.0.0.1' }, ({ port }) =>
    print(`Listening on http://127.0.0.1:${port}`),
  );
  const stop = async (): Promise<void> => {
    // First the streams, which would keep the server open for ever; then the server, the replay and the store.
    stopping.abort();
    await new Promise((resolve) => server.close(resolve));
    await week.close();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void stop().catch(fail));
  await week.closed;
}

function fail(error: unknown): void {
  const isTyped = error instanceof RangeError || (error instanceof TypeError && 'code' in error);
  complain(...(isTyped ? [`✗ ${error.message}`] : describeError(error)));
  process.exit(1);
}

await main().catch(fail);
