/** A conformance file that is not in the form that its README describes; the message says where. */
export class MalformedCase extends Error {
  constructor(at: string, wanted: string, got: unknown) {
    super(`${at}: expected ${wanted}, got ${show(got)}`);
    this.name = 'MalformedCase';
  }
}

/** JSON, cut where it would fill the screen. */
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

/** Reads one value of a JSON document that stands at a path. */
export type Read<T> = (value: unknown, at: string) => T;

/** Any JSON value, as it is. */
export const readAny: Read<unknown> = (value) => value;

/** A string. */
export const readText: Read<string> = (value, at) => {
  if (typeof value !== 'string') throw new MalformedCase(at, 'a string', value);
  return value;
};

/** A number. */
export const readNumber: Read<number> = (value, at) => {
  if (typeof value !== 'number') throw new MalformedCase(at, 'a number', value);
  return value;
};

/** `true` or `false`. */
export const readFlag: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new MalformedCase(at, 'true or false', value);
  return value;
};

/** One of a few words. */
export function readWord<const Word extends string>(...words: readonly Word[]): Read<Word> {
  return (value, at) => {
    const word = words.find((each) => each === value);
    if (word === undefined) throw new MalformedCase(at, `one of ${words.join(', ')}`, value);
    return word;
  };
}

/** A list whose items are all of one form. */
export function readList<T>(item: Read<T>): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new MalformedCase(at, 'a list', value);
    return value.map((each: unknown, index) => item(each, `${at}[${index}]`));
  };
}

/** A list of exactly two. */
export function readPair<A, B>(first: Read<A>, second: Read<B>): Read<readonly [A, B]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== 2) throw new MalformedCase(at, 'a list of two', value);
    return [first(value[0], `${at}[0]`), second(value[1], `${at}[1]`)];
  };
}

/** An object whose values are all of one form, in the order in which they are written. */
export function readRecord<T>(item: Read<T>): Read<ReadonlyMap<string, T>> {
  return (value, at) => new Map(Object.entries(readObject(value, at)).map(([name, each]) => [name, item(each, `${at}.${name}`)]));
}

/** An object, for readers of its fields. Fields that nobody asks for are left alone. */
export function readObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MalformedCase(at, 'an object', value);
  return Object.fromEntries(Object.entries(value));
}

/** A field that may be missing, which is then `undefined`. */
export function readOptional<T>(item: Read<T>): Read<T | undefined> {
  return (value, at) => (value === undefined ? undefined : item(value, at));
}
