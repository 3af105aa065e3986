import type { AssetKey } from '../model/asset-key.ts';
import type { OutputId, StorePort } from './store-port.ts';

/** Everything that something was ever recorded under, in no order. */
export interface Catalog {
  /** Assets and sources. */
  readonly keys: readonly AssetKey[];
  /** Outputs of steps that succeeded, or that a success dropped. */
  readonly outputs: readonly OutputId[];
}

/** A store that can list what it has: without that, nobody can say what definitions have left behind. */
export interface CatalogStore {
  /** What is there now. Cost: one look at each name, however often it was recorded, where it has not looked before. */
  catalog(): Promise<Catalog>;
}

/** Whether a port can list what it has. */
export function isCatalogStore(port: StorePort): port is StorePort & CatalogStore {
  return 'catalog' in port && typeof port.catalog === 'function';
}
