import type { LoggedEvent } from '../lib/events/logged-event.ts';
import { addressesOf } from '../lib/events/retention.ts';
import { CheckedIndices } from './check-indices.ts';
import type { CheckedNames } from './check-names.ts';
import { contentOf, hex, messageOf, rowsOf, type CheckContext } from './check-rows.ts';
import { CheckedRuns } from './check-runs.ts';
import type { CheckedValues } from './check-values.ts';
import { eventFrom } from './event-decoder.ts';
import type { LogState } from './log-state.ts';
import { positionKey, positionOf } from './tables.ts';

/** What the events are compared with. */
export interface LogParts {
  readonly state: LogState | undefined;
  readonly names: CheckedNames;
  readonly values: CheckedValues;
}

/** Events are there from 1 to the head without a gap, can be read, and are found by their indices; and nothing else is. */
export function checkEvents(context: CheckContext, { state, names, values }: LogParts): void {
  const before = context.findings.count;
  const indices = new CheckedIndices(context, names);
  const runs = new CheckedRuns(context, names);
  let next = 1;
  for (const row of rowsOf(context, { name: 'events', table: context.tables.events, keyBytes: 6 })) {
    const position = positionOf(row.key);
    if (position > next) missing(context, next, position - 1);
    next = Math.max(next, position + 1);
    const content = contentOf(context, { ...row, code: 'record', name: 'events', position });
    const event = content === undefined ? undefined : eventOf(context, content, position);
    if (event === undefined) continue;
    indices.expect(event);
    runs.expect(event);
    for (const address of addressesOf(event)) values.refer(address, position);
  }
  const head = next - 1;
  if (state !== undefined && head !== state.head) {
    context.findings.add({
      code: 'state',
      table: 'meta',
      key: null,
      position: head,
      message: `The log ends at position ${head}, and the state says that it ends at ${state.head}.`,
    });
  }
  const whole = context.findings.count === before;
  indices.finish();
  runs.finish(whole);
}

function missing({ findings }: CheckContext, from: number, to: number): void {
  const which = from === to ? `The event at position ${from} is` : `The events from position ${from} to ${to} are`;
  findings.add({ code: 'event-missing', table: 'events', key: hex(positionKey(from)), position: from, message: `${which} missing.` });
}

function eventOf({ findings }: CheckContext, content: unknown, position: number): LoggedEvent | undefined {
  try {
    return eventFrom(content, position);
  } catch (error) {
    const message = `The event at position ${position} cannot be read: ${messageOf(error)}.`;
    findings.add({ code: 'record', table: 'events', key: hex(positionKey(position)), position, message });
    return undefined;
  }
}
