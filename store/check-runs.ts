import type { LoggedEvent } from '../lib/events/logged-event.ts';
import type { CheckedNames } from './check-names.ts';
import { contentOf, hex, rowsOf, type CheckContext } from './check-rows.ts';
import { nameOf } from './names.ts';
import { positionKey, positionOf } from './tables.ts';

/** Compares the rows of runs with the log: where each run starts, and where it ends. */
export class CheckedRuns {
  readonly #context: CheckContext;
  readonly #names: CheckedNames;
  /** The last start of each run, by its id. */
  readonly #starts = new Map<string, number>();
  /** The end of each start; 0 for none. */
  readonly #ends = new Map<number, number>();

  constructor(context: CheckContext, names: CheckedNames) {
    this.#context = context;
    this.#names = names;
  }

  expect(event: LoggedEvent): void {
    if (event.type === 'run-started') {
      this.#starts.set(event.runId, event.position);
      this.#ends.set(event.position, 0);
    } else if (event.type === 'run-ended') {
      const started = this.#starts.get(event.runId);
      if (started !== undefined) this.#ends.set(started, event.position);
    }
  }

  /** @param isLogWhole whether all events could be read: else a row may be about one that could not */
  finish(isLogWhole: boolean): void {
    const { findings } = this.#context;
    const left = new Map(this.#ends);
    for (const row of rowsOf(this.#context, { name: 'runs', table: this.#context.tables.runs, keyBytes: 6 })) {
      const position = positionOf(row.key);
      const content = contentOf(this.#context, { ...row, code: 'record', name: 'runs', position });
      const expected = left.get(position);
      left.delete(position);
      if (content === undefined || !isLogWhole) continue;
      const problem = problemOf(content, expected);
      if (problem === undefined) continue;
      const message = `The row of a run that starts at position ${position} ${problem}.`;
      findings.add({ code: 'run-wrong', table: 'runs', key: hex(row.key), position, message });
    }
    for (const position of left.keys()) this.#addMissing(position);
    if (isLogWhole && this.#names.whole) this.#compareNames();
  }

  #addMissing(position: number): void {
    const message = `The run that starts at position ${position} has no row.`;
    this.#context.findings.add({ code: 'run-missing', table: 'runs', key: hex(positionKey(position)), position, message });
  }

  /** The id of a run is the position of its last start. */
  #compareNames(): void {
    const { findings } = this.#context;
    const named = [...this.#names.ids].filter(([name]) => name.startsWith('["run",'));
    const expected = new Map([...this.#starts].map(([runId, position]) => [nameOf('run', runId), position]));
    for (const [name, id] of named) {
      const position = expected.get(name);
      expected.delete(name);
      if (position === id) continue;
      const where = position === undefined ? 'never starts' : `starts at position ${position}`;
      findings.add({
        code: 'name-wrong',
        table: 'names',
        key: null,
        position: id,
        message: `${name.slice(0, 200)} has the id ${id}, and ${where}.`,
      });
    }
    for (const [name, position] of expected) {
      findings.add({ code: 'name-missing', table: 'names', key: null, position, message: `The name ${name.slice(0, 200)} has no id.` });
    }
  }
}

function problemOf(content: unknown, expected: number | undefined): string | undefined {
  if (expected === undefined) return 'is there, and no run starts there';
  const ended: unknown = Array.isArray(content) ? content[0] : undefined;
  if (ended === expected) return undefined;
  return expected === 0
    ? `says that it ends at position ${JSON.stringify(ended)}, and it does not end there`
    : `says that it ends at position ${JSON.stringify(ended)}, and it ends at position ${expected}`;
}
