import { openStore } from '../../store/open-store.ts';
import { playLiveTape, type LiveTape } from './live-tape.ts';
import { obey, say } from './obey.ts';

// A process with a live service on a store, which says which epochs are on disk, until its tape is at its end or it is killed.

/** One life of a service. */
export interface LiveKillOrder {
  readonly folder: string;
  readonly tape: LiveTape;
}

obey<LiveKillOrder>(async ({ folder, tape }) => {
  say('opening');
  const store = await openStore(folder, { waitMs: 10_000 });
  say('open');
  await playLiveTape(store, tape, { onEpoch: ({ position }) => say('epoch', position), onUpdate: (what) => say(what) });
  await store.close();
  say('done');
});
