import { Hono } from 'hono';
import type { Store } from 'sluice';
import { changesResponse } from '../connectors/sse.ts';
import { definitions } from '../earthquakes/definitions.ts';
import type { Standing } from './week-service.ts';

/** What the web is told of. */
export interface WebOptions {
  readonly store: Store;
  readonly standing: () => Standing;
  /** Ends the streams of changes. */
  readonly signal: AbortSignal;
}

/** What is now at `/`, and what changes from then on at `/changes`. */
export function webOf({ store, standing, signal }: WebOptions): Hono {
  const web = new Hono();
  web.get('/', async (context) => {
    const { position, at, isOver } = standing();
    // All of one position: the tables fit each other, and `/changes?after=` that position goes on from here.
    const read = [...definitions.assets.keys()].map(async (key) => [key, (await store.value(key, { position })) ?? null] as const);
    const assets = position === 0 ? {} : Object.fromEntries(await Promise.all(read));
    return context.json({ position, time: at === undefined ? null : new Date(at).toISOString(), isOver, assets });
  });
  web.get('/changes', (context) => changesResponse(context.req.raw, store, { signal }));
  return web;
}
