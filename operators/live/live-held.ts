import type { Address } from '../../lib/events/data-version.ts';
import { isReadable, type LoggedEvent, type ReadableEvent } from '../../lib/events/logged-event.ts';
import { addTo } from '../../lib/kernel/add-to.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { Plan, PlannedEntry } from '../../lib/plan/plan.ts';
import { questionOf, valueReader, type Held, type HeldValue, type LastValue } from '../run/held.ts';
import type { Stored } from '../run/reuse.ts';
import type { Slot } from '../run/slot.ts';

/** What {@link LiveHeld} is made of. */
export interface LiveHeldParts {
  readonly plan: Plan;
  /** As of where the service starts. */
  readonly held: Held;
  readonly stored: Stored;
  /** What the outputs of a step came out as, as far as they have. */
  readonly slotsOf: (step: number) => ReadonlyMap<number, Slot> | undefined;
}

/** An entry of an input that holds, and the plan index of the step that reads it. */
interface Holding {
  readonly entry: PlannedEntry;
  readonly reader: number;
}

/** A last value, which may be nowhere kept. */
type Found = Omit<LastValue, 'address'> & { readonly address: Address | null };

/** The last values that inputs hold, kept up event by event: a fold of the log, as what a run asks the store about once. */
export class LiveHeld {
  /** By entry, as of the last event. */
  readonly values: Map<PlannedEntry, HeldValue>;
  readonly #parts: LiveHeldParts;
  readonly #ofOutput = new Map<string, Holding[]>();
  readonly #ofKey = new Map<AssetKey, Holding[]>();

  constructor(parts: LiveHeldParts) {
    this.#parts = parts;
    this.values = new Map(parts.held);
    for (const { index, inputs } of parts.plan.steps) {
      const entries = inputs.flatMap(({ hold, entries: wired }) => (hold ? wired : []));
      for (const entry of entries) this.#index({ entry, reader: index });
    }
  }

  /** Takes the next event of the log; gives the steps that hold something else since. */
  add(event: LoggedEvent): readonly number[] {
    if (this.#ofKey.size + this.#ofOutput.size === 0) return NOBODY;
    if (event.type === 'step-settled') return event.outcome === 'succeeded' ? this.#given(event) : NOBODY;
    return isReadable(event) && event.type !== 'asset-absent' ? this.#recorded(event) : NOBODY;
  }

  #index(holding: Holding): void {
    const { entry } = holding;
    const { output, key } =
      entry.from === 'store' ? { output: undefined, key: entry.key } : questionOf(this.#parts.plan.steps[entry.step]?.step, entry.output);
    if (output !== undefined) addTo(this.#ofOutput, idOf(output.definition, output.step, output.output), holding);
    if (key !== undefined) addTo(this.#ofKey, key, holding);
  }

  #given({ definition, step, outputs, position }: Extract<LoggedEvent, { readonly type: 'step-settled' }>): readonly number[] {
    return outputs.flatMap(({ output, state, address }) => {
      const holding = state.state === 'value' ? this.#ofOutput.get(idOf(definition, step, output)) : undefined;
      const origin = { from: 'step', definition, step, output } as const;
      return holding === undefined || state.state !== 'value' ? NOBODY : this.#hold(holding, { origin, state, position, address });
    });
  }

  /** What a step gave counts as that, also where it was recorded as an asset. */
  #recorded({ key, version, position, address }: Recorded): readonly number[] {
    const holding = this.#ofKey.get(key)?.filter(({ entry }) => this.values.get(entry)?.state.version !== version) ?? [];
    return this.#hold(holding, { origin: { from: 'asset', key }, state: { state: 'value', version }, position, address });
  }

  #hold(holding: readonly Holding[], { address, ...found }: Found): readonly number[] {
    for (const { entry } of holding) {
      if (address === null) this.values.delete(entry);
      else this.values.set(entry, { ...found, address, read: this.#reader(entry, { ...found, address }) });
    }
    return holding.map(({ reader }) => reader);
  }

  /** What was made here is in memory, and no prune can take it. */
  #reader(entry: PlannedEntry, last: LastValue): HeldValue['read'] {
    const { slotsOf, stored } = this.#parts;
    const slot = entry.from === 'step' ? slotsOf(entry.step)?.get(entry.output) : undefined;
    if (slot?.state !== 'value' || slot.version !== last.state.version) return valueReader(stored, last);
    const { value } = slot;
    return () => Promise.resolve(value);
  }
}

type Recorded = Exclude<ReadableEvent, { readonly type: 'asset-absent' }>;

const NOBODY: readonly number[] = Object.freeze([]);

function idOf(definition: string, step: string, output: string): string {
  return `${definition}\n${step}\n${output}`;
}
