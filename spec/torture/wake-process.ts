import { openLmdb } from '../../store/lmdb-environment.ts';
import { obey, say } from './obey.ts';

// A process that takes LMDB's lock of writers once, and changes nothing.

/** The store whose lock it takes. */
export interface WakeOrder {
  readonly folder: string;
}

obey<WakeOrder>(async ({ folder }) => {
  const environment = await openLmdb(folder, { writable: true, label: folder });
  environment.transact(() => undefined);
  await environment.close();
  say('woken');
});
