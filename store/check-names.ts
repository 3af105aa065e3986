import { hash } from 'node:crypto';
import { contentOf, hex, rowsOf, type CheckContext } from './check-rows.ts';
import type { LogState } from './log-state.ts';

/** The names of a store, as the log may ask for them. */
export interface CheckedNames {
  readonly ids: ReadonlyMap<string, number>;
  /** Whether every row of the table could be read, so that a name which is not here is nowhere. */
  readonly whole: boolean;
}

/** Names are bijective: each stands under its own hash, no id is given twice, and none is left out. */
export function checkNames(context: CheckContext, state: LogState | undefined): CheckedNames {
  const { findings } = context;
  const before = findings.count;
  const checking = new Checking(context, state);
  for (const row of rowsOf(context, { name: 'names', table: context.tables.names, keyBytes: 32 })) {
    const content = contentOf(context, { ...row, code: 'record', name: 'names' });
    if (content !== undefined) checking.add(row.key, content);
  }
  const whole = findings.count === before;
  if (whole) checking.countIds();
  return { ids: checking.ids, whole };
}

class Checking {
  readonly ids = new Map<string, number>();
  readonly #context: CheckContext;
  readonly #state: LogState | undefined;
  readonly #owners = new Map<number, string>();
  #hasForeign = false;

  constructor(context: CheckContext, state: LogState | undefined) {
    this.#context = context;
    this.#state = state;
  }

  add(key: Buffer, content: unknown): void {
    if (!isNameRow(content)) return this.#addWrong(key, content, 'is no name');
    const [id, name] = content;
    if (!key.equals(hash('sha256', name, 'buffer'))) this.#addWrong(key, content, 'stands under the hash of another one');
    this.ids.set(name, id);
    const kind = kindOf(name);
    if (kind === undefined) this.#hasForeign = true;
    if (kind !== 'numbered') return;
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.#addWrong(key, content, `has the id of ${shown(owner)} too`);
    if (id < 1 || (this.#state !== undefined && id >= this.#state.nextName))
      this.#addWrong(key, content, 'has an id that was not given out yet');
    this.#owners.set(id, name);
  }

  /** Ids are given out one after the other, and a name is never removed. A later version may give numbers to other kinds of names. */
  countIds(): void {
    if (this.#state === undefined || this.#hasForeign || this.#owners.size === this.#state.nextName - 1) return;
    const message = `${this.#state.nextName - 1} ids were given out, and ${this.#owners.size} of them have a name.`;
    this.#context.findings.add({ code: 'name-wrong', table: 'names', key: null, message });
  }

  #addWrong(key: Buffer, content: unknown, problem: string): void {
    const message = `The name ${shown(content)} ${problem}.`;
    this.#context.findings.add({ code: 'name-wrong', table: 'names', key: hex(key), message });
  }
}

/** Ids of runs are positions, and are compared with the log there. */
function kindOf(name: string): 'numbered' | 'run' | undefined {
  if (name.startsWith('["key",') || name.startsWith('["output",')) return 'numbered';
  return name.startsWith('["run",') ? 'run' : undefined;
}

function isNameRow(content: unknown): content is readonly [number, string] {
  return Array.isArray(content) && Number.isInteger(content[0]) && typeof content[1] === 'string';
}

function shown(content: unknown): string {
  return JSON.stringify(content).slice(0, 200);
}
