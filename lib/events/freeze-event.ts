import type { InputEntryRecord, LoggedEvent, StepSettled } from './logged-event.ts';

/**
 * Freezes an event all the way down and gives it back: readers share it. Metadata and the data of log lines are left as they are, since
 * `fixValue` or `decodeValue` has frozen what can be frozen of them.
 */
export function freezeEvent<Event extends LoggedEvent>(event: Event): Event {
  if (event.type === 'run-started') {
    Object.freeze(event.selection);
    Object.freeze(event.policies);
    Object.freeze(event.tags);
    Object.freeze(event.again);
  } else if ('inputs' in event) {
    freezeInputs(event.inputs);
    if (event.type === 'step-settled') freezeOutcome(event);
  } else if (event.type === 'hook-failed') {
    Object.freeze(event.error);
  } else if (event.type === 'run-ended' && event.verified !== undefined) {
    const { verified } = event;
    Object.freeze(verified.open);
    Object.freeze(verified.alone);
    Object.freeze(verified.versions);
    Object.freeze(verified);
  }
  return Object.freeze(event);
}

function freezeInputs(inputs: readonly InputEntryRecord[]): void {
  for (const entry of inputs) {
    Object.freeze(entry.origin);
    Object.freeze(entry.state);
    Object.freeze(entry);
  }
  Object.freeze(inputs);
}

function freezeOutcome({ outputs, dropped, error, blockedBy }: StepSettled): void {
  for (const output of outputs) {
    Object.freeze(output.state);
    Object.freeze(output);
  }
  Object.freeze(outputs);
  Object.freeze(dropped);
  Object.freeze(blockedBy);
  if (error === null) return;
  if (error.cause !== undefined) Object.freeze(error.cause);
  Object.freeze(error);
}
