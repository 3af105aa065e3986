import type { Aliases } from '../model/renamed.ts';
import { placeName } from '../model/step-place.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Step } from '../model/step-graph.ts';
import { isCatalogStore, type Catalog, type CatalogStore } from './catalog.ts';
import type { EntryOrigin, InputEntryRecord, LoggedEvent, StepSettled } from './logged-event.ts';
import type { Position } from './position.ts';
import { isRetentionStore } from './retention.ts';
import type { AppendBatch, ExpectedPosition, LivePort, LoggedRun, RetentionStore, StepId, StorePort, TraceQuestion } from './store-port.ts';
import { isLivePort } from './tail.ts';

type Settled = StepSettled & { readonly position: Position };

/** Events that were read under a name of before. */
const renamed = new WeakSet<object>();

/** By what a store listed: the same by the names of now. */
const catalogs = new WeakMap<Catalog, { readonly aliases: Aliases; readonly catalog: Catalog }>();

/** Whether an event was written under another key than the one that it is read by. */
export function isRenamed(event: object | undefined): boolean {
  return event !== undefined && renamed.has(event);
}

/**
 * A store as definitions with aliases see it: what was written under a name of before reads as if it had been written under that of now. What
 * is appended stays as it is, so a name of before is never written again. Where nothing was renamed, the store itself.
 */
export function aliasedPort(port: StorePort, aliases: Aliases): StorePort {
  if (aliases.keyNow.size === 0 && aliases.stepNow.size === 0) return port;
  const view = new Renaming(port, aliases);
  const aliased: StorePort & Partial<RetentionStore & CatalogStore & LivePort> = {
    label: port.label,
    ...(port.limits !== undefined && { limits: port.limits }),
    append: (batch) => view.append(batch),
    head: () => port.head(),
    read: async (from, limit) => (await port.read(from, limit)).map((event) => view.event(event)),
    readable: (keys, at) => view.latest(keys, (all) => port.readable(all, at)),
    ...(port.readableAt !== undefined && { readableAt: (keys, at) => view.readableAt(port, keys, at) }),
    missed: (keys, at) => view.latest(keys, (all) => port.missed(all, at)),
    lastSettled: (outputs, at) => view.lastSettled(outputs, at),
    runs: async () => (await port.runs()).map((run) => view.run(run)),
    values: (addresses) => port.values(addresses),
    has: (addresses) => port.has(addresses),
    close: () => port.close(),
    ...(isRetentionStore(port) && {
      prune: (request) => port.prune(request),
      removed: (addresses) => port.removed(addresses),
    }),
    ...(isCatalogStore(port) && { catalog: () => view.catalog(port) }),
    ...(isLivePort(port) && {
      watch: (onChange) => port.watch(onChange),
      cursor: (name) => port.cursor(name),
      setCursor: (name, position) => port.setCursor(name, position),
      offsets: (keys) => view.offsets(port, keys),
      lastUnsuccessful: (steps, at) => view.lastUnsuccessful(port, steps, at),
    }),
  };
  return aliased;
}

class Renaming {
  readonly #port: StorePort;
  readonly #aliases: Aliases;

  constructor(port: StorePort, aliases: Aliases) {
    this.#port = port;
    this.#aliases = aliases;
  }

  /** Of each key the newest event, whichever name it was written under. */
  async latest<Event extends LoggedEvent>(
    keys: readonly AssetKey[],
    read: (keys: readonly AssetKey[]) => Promise<readonly (Event | undefined)[]>,
  ): Promise<readonly (Event | undefined)[]> {
    const names = keys.map((key) => this.#namesOf(key));
    const found = await read(names.flat());
    let next = 0;
    return names.map((each) => {
      const events = found.slice(next, (next += each.length));
      const newest = newestOf(events);
      if (newest === undefined) return undefined;
      const event = this.event(newest);
      if (newest !== events[0]) renamed.add(event);
      return event;
    });
  }

  /** Of each key where the newest event stands, whichever name it was written under. */
  async readableAt(port: StorePort, keys: readonly AssetKey[], at: Position): Promise<readonly (Position | undefined)[]> {
    const names = keys.map((key) => this.#namesOf(key));
    const found = (await port.readableAt?.(names.flat(), at)) ?? [];
    let next = 0;
    return names.map((each) => {
      const newest = Math.max(...found.slice(next, (next += each.length)).map((position) => position ?? 0));
      return newest === 0 ? undefined : newest;
    });
  }

  async lastSettled(questions: readonly TraceQuestion[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const asked = questions.map((question) => this.#askedOf(question));
    const found = await this.#port.lastSettled(
      asked.flatMap(({ own, together }) => [...own, ...together]),
      at,
    );
    let next = 0;
    return asked.map(({ own, together }) => {
      const newest = newestOf(found.slice(next, (next += own.length)));
      const other = newestOf(found.slice(next, (next += together.length)));
      // Of outputs that belong together, what was made last has dropped all that was made before, wherever that was (D8).
      const isDropped = (other?.position ?? 0) > (newest?.position ?? 0);
      return newest === undefined || isDropped ? undefined : this.event(newest);
    });
  }

  /** What a batch expects of a key, it expects of all its names: the newest event of them is the one that readers get. */
  async append(batch: AppendBatch): ReturnType<StorePort['append']> {
    const { expected = [] } = batch;
    if (!expected.some(({ key }) => this.#aliases.formerKeys.has(key))) return this.#port.append(batch);
    const at = await this.#port.head();
    const ofNames = await Promise.all(expected.map((each) => this.#expectedOfNames(each, at)));
    return this.#port.append({ ...batch, expected: ofNames.flat() });
  }

  async #expectedOfNames({ key, position }: ExpectedPosition, at: Position): Promise<readonly ExpectedPosition[]> {
    const names = this.#namesOf(key);
    const events = await this.#port.readable(names, at);
    const newest = newestOf(events);
    if ((newest?.position ?? 0) !== position) return [{ key: newest?.key ?? key, position }];
    return names.map((name, index) => ({ key: name, position: events[index]?.position ?? 0 }));
  }

  #namesOf(key: AssetKey): readonly AssetKey[] {
    return [key, ...(this.#aliases.formerKeys.get(key) ?? [])];
  }

  /** How far each source was read: under the name that it was observed by last, where it was read under several. */
  async offsets(port: LivePort, keys: readonly AssetKey[]): Promise<readonly (string | undefined)[]> {
    const names = keys.map((key) => this.#namesOf(key));
    const all = names.flat();
    const [offsets, events] = await Promise.all([port.offsets(all), port.readable(all, await port.head())]);
    let next = 0;
    return names.map((each) => {
      const start = next;
      next += each.length;
      const read = each.flatMap((_, index) => {
        const offset = offsets[start + index];
        return offset === undefined ? [] : [{ offset, position: events[start + index]?.position ?? 0 }];
      });
      return newestOf(read)?.offset ?? read[0]?.offset;
    });
  }

  async lastUnsuccessful(port: LivePort, steps: readonly StepId[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const names = steps.map((step) => [step, ...this.#placesBefore(step)]);
    const found = await port.lastUnsuccessful(names.flat(), at);
    let next = 0;
    return names.map((each) => {
      const newest = newestOf(found.slice(next, (next += each.length)));
      return newest === undefined ? undefined : this.event(newest);
    });
  }

  #placesBefore({ definition, step: path }: StepId): readonly StepId[] {
    const places = this.#aliases.formerPlaces.get(placeName({ definition, path })) ?? [];
    return places.map((place) => ({ definition: place.definition, step: place.path }));
  }

  async catalog(port: CatalogStore): ReturnType<CatalogStore['catalog']> {
    const stored = await port.catalog();
    const known = catalogs.get(stored);
    if (known?.aliases === this.#aliases) return known.catalog;
    const { keys, outputs } = stored;
    const catalog = {
      keys: [...new Set(keys.map((key) => this.#keyNow(key)))],
      outputs: outputs.map((each) => {
        const step = this.#stepNow(each);
        return step === undefined ? each : { definition: step.definition, step: step.path, output: each.output };
      }),
    };
    catalogs.set(stored, { aliases: this.#aliases, catalog });
    return catalog;
  }

  run(run: LoggedRun): LoggedRun {
    const { selection } = run.started;
    return { ...run, started: { ...run.started, selection: selection.map((key) => this.#keyNow(key)) } };
  }

  /** An event with the names of now. */
  event<Event extends LoggedEvent>(event: Event): Event {
    const key = 'key' in event ? this.#keyNow(event.key) : undefined;
    const step = 'step' in event ? this.#stepNow(event) : undefined;
    const inputs = 'inputs' in event ? event.inputs.map((entry) => this.#entry(entry)) : undefined;
    const names = {
      ...(key !== undefined && { key }),
      ...(step !== undefined && { definition: step.definition, step: step.path, ...opNow(event, step) }),
      ...(inputs !== undefined && { inputs: Object.freeze(inputs) }),
    };
    return Object.freeze({ ...event, ...names });
  }

  #entry(entry: InputEntryRecord): InputEntryRecord {
    return Object.freeze({ ...entry, origin: this.#origin(entry.origin) });
  }

  #origin(origin: EntryOrigin): EntryOrigin {
    if (origin.from === 'asset') return { from: 'asset', key: this.#keyNow(origin.key) };
    const step = this.#stepNow(origin);
    return step === undefined ? origin : { from: 'step', definition: step.definition, step: step.path, output: origin.output };
  }

  #keyNow(key: AssetKey): AssetKey {
    return this.#aliases.keyNow.get(key) ?? key;
  }

  #stepNow({ definition, step: path }: { readonly definition: string; readonly step: string }): Step | undefined {
    return this.#aliases.stepNow.get(placeName({ definition, path }));
  }

  #askedOf(question: TraceQuestion): Asked {
    const { output } = question;
    const before = this.#placesBefore(question);
    const [first] = before;
    const own = [question, ...before.map((place) => ({ ...question, ...place }))];
    const step = first === undefined ? undefined : this.#stepNow(first);
    const others = step?.op.outputsTogether === true ? step.op.outputNames.filter((name) => name !== output) : [];
    return { own, together: own.flatMap((place) => others.map((name) => ({ ...place, output: name }))) };
  }
}

interface Asked {
  /** The output, where its step is and where it was. */
  readonly own: readonly TraceQuestion[];
  /** At the same places, the other outputs of a step whose outputs belong together. */
  readonly together: readonly TraceQuestion[];
}

/** An op that is at another place of its graph now may be called otherwise too: that it is the same one is what the alias says. */
function opNow(event: object, step: Step): { readonly op?: string } {
  return 'op' in event && Reflect.get(event, 'step') !== step.path ? { op: step.op.name } : {};
}

function newestOf<Event extends { readonly position: Position }>(events: readonly (Event | undefined)[]): Event | undefined {
  let newest: Event | undefined;
  for (const event of events) if (event !== undefined && event.position > (newest?.position ?? 0)) newest = event;
  return newest;
}
