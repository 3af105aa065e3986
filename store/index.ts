export { openStore } from './open-store.ts';
export type { OpenStoreOptions } from './open-store.ts';
export type { OpenMode } from './shared-store.ts';
export type { Store } from '../lib/events/store.ts';
