import { isMissed, isReadable, type LoggedEvent } from '../lib/events/logged-event.ts';
import { Findings } from './check-findings.ts';
import type { CheckedNames } from './check-names.ts';
import { contentOf, hex, rowAt, rowsOf, type CheckContext } from './check-rows.ts';
import { eventFrom } from './event-decoder.ts';
import { nameOf } from './names.ts';
import { FORMAT, formatOf, indexKey, laterTable, META, positionKey } from './tables.ts';

type IndexName = 'readable' | 'settled' | 'missed';

/** A row that an index should have, before its name is a number. */
interface IndexRow {
  readonly table: IndexName;
  readonly name: string;
  /** The first format that has it. */
  readonly since: 1 | 2;
}

/** The rows that find an event. Written once more, apart from what writes them, so that a fault of the one is seen by the other. */
function rowsThatFind(event: LoggedEvent): readonly IndexRow[] {
  if (isReadable(event)) return [{ table: 'readable', name: nameOf('key', event.key), since: 1 }];
  if (isMissed(event)) return [{ table: 'missed', name: nameOf('key', event.key), since: 2 }];
  if (event.type !== 'step-settled' || event.outcome === 'cancelled') return [];
  const under = (output: string): string => nameOf('output', event.definition, event.step, output);
  // No output is called '': steps that did not succeed are found under it.
  if (event.outcome !== 'succeeded') return [{ table: 'settled', name: under(''), since: 2 }];
  const outputs = new Set([...event.outputs.map(({ output }) => output), ...event.dropped]);
  return [...outputs].map((output) => ({ table: 'settled', name: under(output), since: 1 }));
}

const INDICES = ['readable', 'settled', 'missed'] as const;
const KEY_BYTES = 14;

/** Compares the indices with the log, both ways. */
export class CheckedIndices {
  readonly #context: CheckContext;
  readonly #names: CheckedNames;
  /** Who opens an older one to write makes what it lacks. */
  readonly #format: number;
  readonly #found = { readable: 0, settled: 0, missed: 0 };

  constructor(context: CheckContext, names: CheckedNames) {
    this.#context = context;
    this.#format = formatOf(context.tables.meta.get(META.format)) ?? FORMAT;
    this.#names = names;
  }

  expect(event: LoggedEvent): void {
    for (const row of rowsThatFind(event)) if (row.since <= this.#format) this.#expectRow(row, event.position);
  }

  #expectRow({ table, name }: IndexRow, position: number): void {
    const { findings } = this.#context;
    const id = this.#names.ids.get(name);
    if (id === undefined) {
      // Where rows could not be read, it may be one of those: they have findings of their own.
      if (this.#names.whole)
        findings.add({ code: 'name-missing', table: 'names', key: null, position, message: `The name ${name.slice(0, 200)} has no id.` });
      return;
    }
    if (rowAt(this.#context, table, indexKey(id, position)) !== undefined) this.#found[table] += 1;
    else
      findings.add({
        code: 'index-missing',
        table,
        key: hex(indexKey(id, position)),
        position,
        message: `The event at position ${position} is not in "${table}" under ${name.slice(0, 200)}.`,
      });
  }

  /** Every row of an index that is left names an event which is not there, or is not of its kind. */
  finish(): void {
    const { tables, counts } = this.#context;
    for (const name of INDICES.filter((each) => each !== 'missed' || laterTable(tables, each) !== undefined)) {
      const checked = { name, table: tables[name], keyBytes: KEY_BYTES };
      let shaped = 0;
      for (const { key, value } of rowsOf(this.#context, checked)) {
        if (hasForm(key, value)) shaped += 1;
      }
      // Which ones are too many is only asked where there are: it costs a search for each row.
      if (shaped !== this.#found[name] || shaped !== counts.get(name)) this.#findWrong(name);
    }
  }

  #findWrong(table: IndexName): void {
    const names = new Map([...this.#names.ids].filter(([name]) => isOf(table, name)).map(([name, id]) => [id, name]));
    const quiet = { ...this.#context, findings: new Findings(() => undefined), tellRows: () => undefined };
    for (const { key, value } of rowsOf(quiet, { name: table, table: quiet.tables[table], keyBytes: KEY_BYTES })) {
      const problem = hasForm(key, value)
        ? this.#problemOf(table, key, names.get(key.readUInt32BE(0)))
        : 'has a form that none of them has';
      if (problem === undefined) continue;
      const message = `A row of "${table}" ${problem}.`;
      this.#context.findings.add({ code: 'index-wrong', table, key: hex(key), position: positionIn(key), message });
    }
  }

  #problemOf(table: IndexName, key: Buffer, name: string | undefined): string | undefined {
    const position = positionIn(key);
    const quiet = { ...this.#context, findings: new Findings(() => undefined) };
    const value = rowAt(quiet, 'events', positionKey(position));
    if (value === undefined) return `names the event at position ${position}, which is not there`;
    if (name === undefined) return this.#names.whole ? 'has an id that no name has' : undefined;
    const content = contentOf(quiet, { key: positionKey(position), value, code: 'record', name: 'events' });
    const event = content === undefined ? undefined : eventIn(content, position);
    // What cannot be read has a finding of its own, and what is not known may be found by anything.
    if (event === undefined || event.type === 'unknown') return undefined;
    const isRight = rowsThatFind(event).some((row) => row.table === table && row.name === name);
    return isRight ? undefined : `names the event at position ${position}, which is not about ${name.slice(0, 200)}`;
  }
}

function isOf(table: IndexName, name: string): boolean {
  return name.startsWith(table === 'settled' ? '["output",' : '["key",');
}

function hasForm(key: Buffer, value: Buffer): boolean {
  return value.length === 0 && key.readUInt32BE(4) === 0;
}

function positionIn(key: Buffer): number {
  return key.readUIntBE(8, 6);
}

function eventIn(content: unknown, position: number): LoggedEvent | undefined {
  try {
    return eventFrom(content, position);
  } catch {
    return undefined;
  }
}
