import type { LoggedEvent } from '../../index.ts';
import type { LivePort, StorePort } from '../../lib/events/store-port.ts';
import { memoryPort } from '../../lib/memory/memory-port.ts';

/** How many traces a store was asked for. */
export interface Asked {
  traces: number;
}

/** A store in memory that counts what it is asked for. `forgets` what runs verified: then each looks at all of its steps. */
export function askedPort({ asked, forgets }: { readonly asked: Asked; readonly forgets: boolean }): StorePort {
  const inner: LivePort = memoryPort();
  return {
    label: inner.label,
    append: (batch) => inner.append(forgets ? { ...batch, events: batch.events.map((event) => withoutVerification(event)) } : batch),
    head: () => inner.head(),
    read: (from, limit) => inner.read(from, limit),
    readable: (keys, at) => inner.readable(keys, at),
    lastSettled: (outputs, at) => {
      asked.traces += outputs.length;
      return inner.lastSettled(outputs, at);
    },
    missed: (keys, at) => inner.missed(keys, at),
    runs: () => inner.runs(),
    values: (addresses) => inner.values(addresses),
    has: (addresses) => inner.has(addresses),
    close: () => inner.close(),
  };
}

/** The event, but for what it verifies. */
function withoutVerification<Event extends { readonly type: string }>(event: Event): Event {
  if (event.type !== 'run-ended') return event;
  const { verified: _, ...others } = event as Event & { readonly verified?: unknown };
  // Nothing but an optional part was left out.
  return others as unknown as Event;
}

/**
 * What a log says, one text an event: with ids of runs and of sessions, and what is derived from them, numbered as they come, and each position as the event that is there.
 * Sorted, since bodies that take time settle in any order. Equal for logs that say the same.
 */
export function tellingOf(log: readonly LoggedEvent[]): readonly string[] {
  const ids = new Map<string, string>();
  const at = log.map((event) => [event.type, 'runId' in event && event.runId, 'key' in event ? event.key : 'step' in event && event.step]);
  for (const event of log) if (event.type === 'run-started') ids.set(event.runId, `run ${ids.size}`);
  for (const [version, name] of derivedVersions(log)) ids.set(version, name);
  const texts = log.map((event) => {
    const inputs = 'inputs' in event ? event.inputs.map(({ position, ...entry }) => ({ ...entry, from: at[(position ?? 0) - 1] })) : [];
    const text = JSON.stringify({ ...withoutVerification(event), time: 0, position: 0, inputs });
    for (const session of text.match(/session:[0-9a-f-]{36}/g) ?? []) ids.set(session, ids.get(session) ?? `session ${ids.size}`);
    return text;
  });
  return texts.map((text) => [...ids].reduce((named, [id, name]) => named.replaceAll(id, name), text)).toSorted();
}

/** Derived versions, by the output that had them and which one of its it was: they hold the id of a session where code has no version. */
function derivedVersions(log: readonly LoggedEvent[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const event of log) {
    if (event.type !== 'step-settled') continue;
    for (const { output, state } of event.outputs) {
      if (state.state !== 'value' || !state.version.startsWith('derived:') || names.has(state.version)) continue;
      const place = `${event.definition}:${event.step}.${output}`;
      const count = (counts.get(place) ?? 0) + 1;
      counts.set(place, count);
      names.set(state.version, `derived ${place} ${count}`);
    }
  }
  return names;
}
