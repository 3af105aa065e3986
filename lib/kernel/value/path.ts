import { quote } from '../print.ts';

/** How a place inside a container is known: a property's key, or a number where a Map or Set has no key. */
export type Label = string | symbol | number;

/** One level on the way into a value. In a Map, number 2i is the key of entry i, and 2i + 1 its value. */
export interface Level {
  readonly container: object;
  readonly label: Label | undefined;
}

/** Longer paths lose their middle: 1,000 times `[0]` helps nobody. */
const MAX_LEVELS = 24;
const KEPT_LEVELS = 8;
const LONGEST_PLAIN_KEY = 80;

/** The place as people write it: `$.rows[3]["first name"]`, `$.byId{"a"}`, `$.tags{member 0}`. Cost: depth. */
export function printPath(levels: readonly Level[]): string {
  if (levels.length <= MAX_LEVELS) return `$${levels.map(printLevel).join('')}`;
  const head = levels.slice(0, KEPT_LEVELS).map(printLevel).join('');
  const tail = levels.slice(-KEPT_LEVELS).map(printLevel).join('');
  return `$${head}…${tail}`;
}

/** The place inside plain data that a list of keys leads to: `$.rows[3].id`. */
export function printKeys(keys: readonly PropertyKey[]): string {
  return printPath(
    keys.map((key) => ({ container: typeof key === 'number' ? [] : {}, label: typeof key === 'number' ? String(key) : key })),
  );
}

function printLevel({ container, label }: Level): string {
  if (label === undefined) return '';
  if (typeof label === 'symbol') return `[${String(label)}]`;
  if (typeof label === 'number') return container instanceof Map ? printEntry(container, label) : `{member ${label}}`;
  if (Array.isArray(container) && /^\d+$/.test(label)) return `[${label}]`;
  return /^[A-Za-z_$][\w$]*$/.test(label) && label.length <= LONGEST_PLAIN_KEY ? `.${label}` : `[${quote(label)}]`;
}

function printEntry(map: ReadonlyMap<unknown, unknown>, label: number): string {
  const index = Math.floor(label / 2);
  if (label % 2 === 0) return `{key ${index}}`;
  const key = [...map.keys()][index];
  switch (typeof key) {
    case 'string':
      return `{${quote(key)}}`;
    case 'number':
    case 'boolean':
      return `{${key}}`;
    case 'bigint':
      return `{${key}n}`;
    default:
      return key === null || key === undefined ? `{${key}}` : `{entry ${index}}`;
  }
}
