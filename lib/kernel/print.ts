const LONGEST_SHOWN = 80;

/** What messages say of what throws when it is looked at. */
export const UNREADABLE = 'something that cannot be read';

/** Text of at most so many characters, with "…" behind it where it was cut; never cut through the middle of a surrogate pair. */
export function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  const isPairCut = (text.codePointAt(length - 1) ?? 0) > 0xffff;
  return `${text.slice(0, isPairCut ? length - 1 : length)}…`;
}

/** A name as messages show it: quoted, and cut where it would fill the screen. What JavaScript users give for a name is called by its kind. */
export function quote(name: string): string {
  if (typeof name !== 'string') return kindOf(name);
  return JSON.stringify(cutText(name, LONGEST_SHOWN));
}

/** `"a", "b" and "c"`; `"a" to "z" (26)` style lists are cut at eight names. */
export function quoteList(names: readonly string[]): string {
  const shown = names.length > 8 ? [...names.slice(0, 7).map(quote), `${names.length - 7} more`] : names.map(quote);
  const last = shown[shown.length - 1];
  return last === undefined ? 'none' : shown.length === 1 ? last : `${shown.slice(0, -1).join(', ')} and ${last}`;
}

/** `a → b → a`; a cycle of more than twelve is cut in its middle. */
export function printCycle(names: readonly string[]): string {
  const shown = names.length > 12 ? [...names.slice(0, 6), `… ${names.length - 11} more …`, ...names.slice(-5)] : names;
  return [...shown, ...names.slice(0, 1)].join(' → ');
}

/** What a value is, in two words, for messages about a value of the wrong kind. Never throws, whatever the value. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object') return kindOfObject(value);
  if (isClass(value)) return 'a class';
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}

/** `an object`, `a promise`, `a Map`: by the tag that built-in objects carry. */
function kindOfObject(value: object): string {
  const tag = tagOf(value);
  if (tag === 'Array') return 'an array';
  if (tag === 'Promise') return 'a promise';
  if (tag === 'Object' || !/^[A-Z][A-Za-z0-9]{1,20}$/.test(tag)) return 'an object';
  return `${/^[AEIO]/.test(tag) ? 'an' : 'a'} ${tag}`;
}

function tagOf(value: object): string {
  try {
    if (Array.isArray(value)) return 'Array';
    return Object.prototype.toString.call(value).slice('[object '.length, -1);
  } catch {
    // A tag may be a getter of the user's, and getters may throw; of a revoked Proxy nothing can be asked.
    return 'Object';
  }
}

/** Whether a value is written as a class, which cannot be called as functions can. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b(?!\s*\()/.test(Function.prototype.toString.call(value));
}

/** A value of any kind as messages show it: never throws, whatever its own `toString` does. */
export function printValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return String(value);
  return kindOf(value);
}
