import { isReadable, type LoggedEvent, type ReadableEvent } from '../../lib/events/logged-event.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import { readValue } from '../../lib/events/store.ts';
import type { Delta } from '../../lib/kernel/keyed/delta.ts';
import type { Key } from '../../lib/kernel/keyed/key.ts';
import { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Codecs } from '../../lib/model/codec.ts';
import type { Slot } from '../run/slot.ts';

/** What readers got of an asset before it changed, and the slot that may hold that. */
interface Before {
  readonly event: ReadableEvent | undefined;
  readonly slot: Slot | undefined;
}

/** What is known of an asset when an event of it comes. */
export interface AssetLooks {
  readonly readableOf: (key: AssetKey) => ReadableEvent | undefined;
  readonly slotOf: (key: AssetKey) => Slot | undefined;
  /** Whether it is an asset of the plan, and no source. */
  readonly isAsset: (key: AssetKey) => boolean;
}

/** What assets were before the epoch that changes them: where the deltas of keyed rows start from. */
export class RowsBefore {
  readonly #reads: StorePort;
  readonly #codecs: Codecs;
  readonly #looks: AssetLooks;
  #changed = new Map<AssetKey, Before>();
  /** Of keys under which somebody put a value since, which nobody who watches was told of. */
  readonly #underPut = new Map<AssetKey, Before>();

  constructor({ reads, codecs }: { readonly reads: StorePort; readonly codecs: Codecs }, looks: AssetLooks) {
    this.#reads = reads;
    this.#codecs = codecs;
    this.#looks = looks;
  }

  /** Takes the next event of the log, before anything else does. */
  note(event: LoggedEvent): void {
    if (!isReadable(event)) return;
    const { type, key } = event;
    const before = (): Before => this.#underPut.get(key) ?? { event: this.#looks.readableOf(key), slot: this.#looks.slotOf(key) };
    if (type === 'source-observed') {
      if (this.#looks.isAsset(key)) this.#underPut.set(key, before());
      return;
    }
    if (type === 'asset-materialized' && !this.#changed.has(key)) this.#changed.set(key, before());
    this.#underPut.delete(key);
  }

  /** What changed since this was asked last, as a way to ask for the delta that leads to what it is now. */
  take(): (key: AssetKey, now: unknown) => Promise<Delta<Key, unknown> | undefined> {
    const changed = this.#changed;
    this.#changed = new Map();
    return async (key, now) => {
      if (!(now instanceof Keyed)) return undefined;
      const older = await this.#rowsOf(changed.get(key));
      return older === undefined ? now.inserts() : now.diff(older);
    };
  }

  async #rowsOf(before: Before | undefined): Promise<Keyed<Key, unknown> | undefined> {
    if (before?.event === undefined || before.event.type === 'asset-absent') return undefined;
    const { event, slot } = before;
    const value =
      slot?.state === 'value' && slot.version === event.version ? slot.value : await readValue(this.#reads, event, this.#codecs);
    return value instanceof Keyed ? value : undefined;
  }
}
