import fc from 'fast-check';
import { fixValue } from '../../lib/kernel/value/fix.ts';

/** Names that objects take badly, or that look like something else. */
const names = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '0', '7', '01', '-1', '', '__proto__', 'constructor', 'prototype', 'length', 'toString', '\ud83e', '🦊'),
  fc.string({ maxLength: 3 }),
);

const leaves: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, false, 0, -0, NaN, Infinity, 1, 2, '', 'text', '\ud83e', 'x'.repeat(200), 12n, -1n),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 6 }),
  fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.nat(3)), { maxLength: 3 }).map((entries) => new Map(entries)),
  fc.array(fc.nat(9), { maxLength: 3 }).map((members) => new Set(members)),
);

const { part } = fc.letrec<{ part: unknown }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaves,
    fc.array(tie('part'), { maxLength: 5 }),
    fc.array(fc.tuple(names, tie('part')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

/** Any value that can be stored. */
const anyPart: fc.Arbitrary<unknown> = part;

/** A way to make a value from the one before; `at` says where. */
type Edit = (value: unknown, at: number) => unknown;

function editObject(value: object, at: number, edit: Edit): unknown {
  const entries = Object.entries(value);
  const place = at % (entries.length + 1);
  return Object.fromEntries(entries.map(([name, member], index) => [name, index === place ? edit(member, at >> 2) : member]));
}

function editArray(value: readonly unknown[], at: number, edit: Edit): unknown {
  return value.map((element, index) => (index === at % value.length ? edit(element, at >> 2) : element));
}

/** Goes down to some part of a value, and edits that. */
function somewhere(edit: Edit): Edit {
  const go: Edit = (value, at) => {
    if (at % 3 === 0 || typeof value !== 'object' || value === null) return edit(value, at);
    if (Array.isArray(value)) return editArray(value, at, go);
    return Object.getPrototypeOf(value) === Object.prototype ? editObject(value, at, go) : edit(value, at);
  };
  return go;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const edits: fc.Arbitrary<Edit> = fc.oneof(
  anyPart.map(
    (made): Edit =>
      () =>
        made,
  ),
  fc.tuple(names, anyPart).map(
    ([name, made]): Edit =>
      (value) =>
        isPlain(value) ? Object.fromEntries([...Object.entries(value), [name, made]]) : value,
  ),
  fc.constant<Edit>((value, at) =>
    isPlain(value) ? Object.fromEntries(Object.entries(value).filter((_, index) => index !== at % 4)) : value,
  ),
  fc.constant<Edit>((value) => (isPlain(value) ? Object.fromEntries(Object.entries(value).toReversed()) : value)),
  fc.tuple(fc.nat(6), fc.nat(3), fc.array(anyPart, { maxLength: 3 })).map(
    ([start, removed, added]): Edit =>
      (value) =>
        Array.isArray(value) ? value.toSpliced(start, removed, ...added) : value,
  ),
  fc.constant<Edit>((value) => (Array.isArray(value) ? value.toReversed() : value)),
  fc.constant<Edit>((value) => (Object.is(value, -0) ? 0 : value === 0 ? -0 : value)),
);

/** Something large that no edit touches, so that a change is worth to be kept as one. */
export function ballast(rows: number): readonly unknown[] {
  return Array.from({ length: rows }, (_, index) => ({ id: index, name: `row ${index}` }));
}

/** Versions of one value, each made from the one before. */
export function anyVersions(longest: number): fc.Arbitrary<readonly unknown[]> {
  const steps = fc.array(fc.array(fc.tuple(edits, fc.nat(1000)), { minLength: 1, maxLength: 3 }), { maxLength: longest });
  return fc.tuple(anyPart, fc.boolean(), steps).map(([first, isList, changes]) => {
    const wrapped = (value: unknown): unknown => (isList ? [value, ...ballast(300)] : { value, rows: ballast(300) });
    const versions = [first];
    for (const each of changes) versions.push(each.reduce((value, [edit, at]) => somewhere(edit)(value, at), versions.at(-1)));
    return versions.map(wrapped).filter((value) => fixValue(value).storable);
  });
}
