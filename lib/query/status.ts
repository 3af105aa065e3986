import { quote } from '../kernel/print.ts';
import type { ReadableEvent } from '../events/logged-event.ts';
import type { Position } from '../events/position.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Stale } from '../plan/freshness.ts';
import type { Gone } from './gone.ts';

/** How one asset stands against its definitions and its sources. */
export interface AssetStatus {
  readonly key: AssetKey;
  /** `absent`: it has no value, and a run would give it none. */
  readonly state: 'fresh' | 'stale' | 'absent';
  /** Why it is stale; `undefined` where it is not. */
  readonly stale: Stale | undefined;
  /** The event behind what readers get of it; `undefined` where there is none. */
  readonly position: Position | undefined;
  readonly sentence: string;
}

/** How every asset stands. */
export interface Status {
  /** The position as of which this is so. */
  readonly position: Position;
  /** By printed key. */
  readonly assets: ReadonlyMap<string, AssetStatus>;
  /** What the definitions have left behind; `undefined` where only some assets were asked about, or the store cannot list what it has. */
  readonly gone: Gone | undefined;
  /** All sentences, a line each. */
  toString(): string;
}

/** Puts together what is known of one asset. */
export function assetStatus(
  key: AssetKey,
  stale: Stale | undefined,
  event: Pick<ReadableEvent, 'type' | 'position'> | undefined,
): AssetStatus {
  const state = stale !== undefined ? 'stale' : event?.type === 'asset-absent' ? 'absent' : 'fresh';
  return Object.freeze({ key, state, stale, position: event?.position, sentence: sentenceOf(key, state, stale) });
}

function sentenceOf(key: AssetKey, state: AssetStatus['state'], stale: Stale | undefined): string {
  if (stale === undefined) return `${quote(key)} is ${state}.`;
  return `${quote(key)} is stale: ${reasonOf(stale, key)}.`;
}

/** Why something is stale, as the rest of a sentence about `key`. */
function reasonOf({ cause, what }: Stale, key: AssetKey): string {
  switch (cause) {
    case 'never':
      return what === key ? 'it was never recorded' : `${quote(what)} was never made`;
    case 'code':
      return `the code of ${quote(what)} changed`;
    case 'config':
      return `the config of ${quote(what)} changed`;
    case 'wiring':
      return `${quote(what)} reads something else than before`;
    case 'volatile':
      return `${quote(what)} is volatile, and runs every time`;
    case 'data':
      return what === key ? 'what was recorded last is not what its step gave last' : `${quote(what)} changed`;
    case 'failed':
      return 'its last run did not give it a value';
    case 'upstream':
      return `${quote(what)}, upstream of it, has to run`;
  }
}
