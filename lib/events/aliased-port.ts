import { placeName, type Aliases } from '../model/renamed.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Step } from '../model/step-graph.ts';
import { isCatalogStore, type CatalogStore } from './catalog.ts';
import type { EntryOrigin, InputEntryRecord, LoggedEvent, StepSettled } from './logged-event.ts';
import type { Position } from './position.ts';
import { isRetentionStore } from './retention.ts';
import type { LoggedRun, RetentionStore, StorePort, TraceQuestion } from './store-port.ts';

type Settled = StepSettled & { readonly position: Position };

/** Events that were read under a name of before. */
const renamed = new WeakSet<object>();

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
  const aliased: StorePort & Partial<RetentionStore & CatalogStore> = {
    label: port.label,
    ...(port.limits !== undefined && { limits: port.limits }),
    append: (batch) => port.append(batch),
    head: () => port.head(),
    read: async (from, limit) => (await port.read(from, limit)).map((event) => view.event(event)),
    readable: (keys, at) => view.latest(keys, (all) => port.readable(all, at)),
    missed: (keys, at) => view.latest(keys, (all) => port.missed(all, at)),
    lastSettled: (outputs, at) => view.lastSettled(outputs, at),
    runs: async () => (await port.runs()).map((run) => view.run(run)),
    values: (addresses) => port.values(addresses),
    close: () => port.close(),
    ...(isRetentionStore(port) && {
      prune: (request) => port.prune(request),
      removed: (addresses) => port.removed(addresses),
    }),
    ...(isCatalogStore(port) && { catalog: () => view.catalog(port) }),
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
    const names = keys.map((key) => [key, ...(this.#aliases.formerKeys.get(key) ?? [])]);
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

  async lastSettled(questions: readonly TraceQuestion[], at: Position): Promise<readonly (Settled | undefined)[]> {
    const asked = questions.map((question) => this.#askedOf(question));
    const found = await this.#port.lastSettled(asked.flatMap(({ now, together, before }) => [now, ...together, ...before]), at); // prettier-ignore
    let next = 0;
    return asked.map(({ together, before }) => {
      const now = found[next];
      const siblings = found.slice(next + 1, next + 1 + together.length);
      const earlier = found.slice(next + 1 + together.length, (next += 1 + together.length + before.length));
      // What belongs together and was made under the name of now has dropped all that was made before (D8).
      const newest = siblings.some((each) => each !== undefined) ? now : newestOf([now, ...earlier]);
      return newest === undefined ? undefined : this.event(newest);
    });
  }

  async catalog(port: CatalogStore): ReturnType<CatalogStore['catalog']> {
    const { keys, outputs } = await port.catalog();
    return {
      keys: [...new Set(keys.map((key) => this.#keyNow(key)))],
      outputs: outputs.map((each) => {
        const step = this.#stepNow(each);
        return step === undefined ? each : { definition: step.definition, step: step.path, output: each.output };
      }),
    };
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
    const { definition, step: path, output } = question;
    const places = this.#aliases.formerPlaces.get(placeName({ definition, path })) ?? [];
    const [first] = places;
    const step = first === undefined ? undefined : this.#aliases.stepNow.get(placeName(first));
    const others = step?.op.outputsTogether === true ? step.op.outputNames.filter((name) => name !== output) : [];
    return {
      now: question,
      together: others.map((name) => ({ ...question, output: name })),
      before: places.map((place) => ({ ...question, definition: place.definition, step: place.path })),
    };
  }
}

interface Asked {
  readonly now: TraceQuestion;
  /** The other outputs of a step whose outputs belong together. */
  readonly together: readonly TraceQuestion[];
  /** The same output, where the step was before. */
  readonly before: readonly TraceQuestion[];
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
