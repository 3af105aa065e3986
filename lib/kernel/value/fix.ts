import { isProxy } from 'node:util/types';
import type { Key } from '../keyed/key.ts';
import { KeyedRows } from '../keyed/keyed-rows.ts';
import { notesOf } from '../keyed/notes.ts';
import { Leaf, visitEntries, type Entry, type Tree } from '../keyed/tree.ts';
import { bytesOf, isBinary, isDetached, isShared, objectKind } from './kind.ts';
import { printPath, type Label, type Level } from './path.ts';
import { RecentObjects } from './recent-objects.ts';

/**
 * What there is to know of a value once it is fixed.
 * - `immutable`: nothing in it can change any more, so identity implies equality.
 * - `problem` completes the sentence "what is at `path` is …".
 */
export type Fixed =
  { readonly storable: true; readonly immutable: boolean } | { readonly storable: false; readonly path: string; readonly problem: string };

/** Levels of objects inside objects that a storable value may have: encoding and decoding recurse. */
const MAX_DEPTH = 1_000;

const IMMUTABLE: Fixed = Object.freeze({ storable: true, immutable: true });
const MUTABLE: Fixed = Object.freeze({ storable: true, immutable: false });

/**
 * Plain data found frozen and storable all the way down, with its height in levels. What is in here can
 * never become anything else, which is the only reason why it may be; a Map, say, is walked every time. What is forgotten is walked again.
 * The height is kept because a chain may put one more level around a remembered value each time.
 */
const remembered = new RecentObjects<number>();

/** In `Walk.heights`: an object that is an ancestor of where the walk is. */
const OPEN = 0;

interface Frame extends Level {
  label: Label | undefined;
  /** Members that are not primitives, each with its label; `next` is the one to visit. */
  readonly labels: Label[];
  readonly members: unknown[];
  next: number;
  height: number;
  immutable: boolean;
}

interface Walk {
  /** The objects around the current place, outermost first: a stack of our own, so that no depth overflows. */
  readonly frames: Frame[];
  /** Objects met that are not remembered: a value that shares parts is walked once, not once a path. */
  readonly heights: Map<object, number>;
  immutable: boolean;
  problem: { readonly path: string; readonly problem: string } | undefined;
}

/**
 * Fixes a value where it is emitted (X13): freezes its plain data (arrays and plain objects), in Maps and
 * Sets too, and says whether the whole of it can be stored and given back as it was (R6).
 * - What cannot be stored is found without running it: no getter and no Proxy trap is called.
 * - Plain data is frozen even if something else in the value cannot be stored; instances of classes and
 *   Proxies are left alone.
 * - Not seen, hence not kept: properties added to typed arrays and Buffers. Given back as the ordinary kind:
 *   Buffers (Uint8Array), objects without a prototype, resizable buffers.
 *
 * Cost: linear in objects and properties; nothing for what was found immutable before.
 */
export function fixValue(value: unknown): Fixed {
  if (isKnownImmutable(value) || fixFlat(value)) return IMMUTABLE;
  const walk: Walk = { frames: [], heights: new Map(), immutable: true, problem: undefined };
  visit(walk, value);
  for (let frame = walk.frames.at(-1); frame !== undefined; frame = walk.frames.at(-1)) {
    if (frame.next === frame.members.length) {
      leave(walk, frame);
    } else {
      frame.label = frame.labels[frame.next];
      visit(walk, frame.members[frame.next++]);
    }
  }
  if (walk.problem !== undefined) return { storable: false, ...walk.problem };
  return walk.immutable ? IMMUTABLE : MUTABLE;
}

/** Fixes a plain object of primitives, as rows mostly are, with nothing around it; leaves alone whatever else there is, for the walk. */
function fixFlat(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || isProxy(value) || objectKind(value) !== 'object') return false;
  try {
    for (const key of Reflect.ownKeys(value)) if (!isPrimitiveProperty(value, key)) return false;
    Object.freeze(value);
  } catch {
    // As in the walk, which says what is wrong.
    return false;
  }
  remembered.set(value, 1);
  return true;
}

function isPrimitiveProperty(value: object, key: string | symbol): boolean {
  const property = Object.getOwnPropertyDescriptor(value, key);
  return typeof key === 'string' && property?.enumerable === true && 'value' in property && isPrimitive(property.value);
}

/** Whether `value` is known to be immutable: `fixValue` said so of it, or of something that holds it. */
export function isKnownImmutable(value: unknown): boolean {
  return isPrimitive(value) || (typeof value === 'object' && value !== null && remembered.get(value) !== undefined);
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

function visit(walk: Walk, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    refuse(walk, typeof value === 'symbol' ? 'a symbol' : 'a function');
    return;
  }
  const height = remembered.get(value);
  if (height !== undefined) {
    settle(walk, height, true);
    return;
  }
  const met = walk.heights.get(value);
  if (met === OPEN) refuse(walk, 'part of a cycle');
  else if (met !== undefined) settle(walk, met, false);
  else enter(walk, value);
}

function enter(walk: Walk, value: object): void {
  if (isProxy(value)) {
    refuse(walk, 'a Proxy');
    return;
  }
  try {
    const kind = KeyedRows.is(value) ? 'keyed' : objectKind(value);
    if (kind === undefined) refuse(walk, `an instance of ${className(value)}`);
    else if (kind === 'object') open(walk, value, readProperties);
    else if (kind === 'array') open(walk, value, readElements);
    else if (kind === 'keyed') enterKeyed(walk, value);
    else if (kind === 'binary') checkBinary(walk, value);
    else if (Reflect.ownKeys(value).length > 0) refuse(walk, `a ${className(value)} with properties of its own`);
    else if (kind === 'date') settle(walk, 1, false);
    else open(walk, value, readMembers);
  } catch {
    // Exotic objects (a module namespace, a view beyond its buffer) throw where ordinary ones cannot.
    refuse(walk, 'an object that cannot be read or frozen');
  }
}

/** Rows were fixed when they came in. Where nothing in them can change, they are looked at once, and with them what later versions share. */
function enterKeyed(walk: Walk, value: object): void {
  const height = KeyedRows.is(value) ? heightOfRows(KeyedRows.treeOf(value)) : CHANGEABLE;
  if (height === CHANGEABLE) {
    open(walk, value, readRows);
    return;
  }
  remembered.set(value, height + 1);
  settle(walk, height + 1, true);
}

/** The levels of rows of which something can change. */
const CHANGEABLE = -1;

/** Nodes of trees never change, so each is looked into once. */
function heightOfRows(tree: Tree<Key, unknown>): number {
  return (notesOf(tree).levels ??= tree instanceof Leaf ? highest(tree.entries, heightOfRow) : highest(tree.children, heightOfRows));
}

function highest<Part>(parts: readonly Part[], heightIn: (part: Part) => number): number {
  let height = 0;
  for (const part of parts) {
    const found = heightIn(part);
    if (found === CHANGEABLE) return CHANGEABLE;
    if (found > height) height = found;
  }
  return height;
}

function heightOfRow(entry: Entry<Key, unknown>): number {
  return (entry.levels ??= heightOf(entry.value));
}

function heightOf(row: unknown): number {
  if (typeof row !== 'object' || row === null) return 0;
  const height = remembered.get(row);
  if (height !== undefined) return height;
  // Rows that were put a long time ago are forgotten. What changes is walked each time.
  fixValue(row);
  return remembered.get(row) ?? CHANGEABLE;
}

function readRows(_walk: Walk, frame: Frame): void {
  frame.immutable = false;
  if (KeyedRows.is(frame.container)) visitEntries(KeyedRows.treeOf(frame.container), ({ key, value }) => hold(frame, String(key), value));
}

function open(walk: Walk, container: object, read: (walk: Walk, frame: Frame) => void): void {
  const frame: Frame = { container, label: undefined, labels: [], members: [], next: 0, height: 1, immutable: true };
  walk.frames.push(frame);
  read(walk, frame);
  if (frame.members.length === 0) leave(walk, frame);
  else walk.heights.set(container, OPEN);
}

function leave(walk: Walk, frame: Frame): void {
  walk.frames.pop();
  if (frame.immutable) remembered.set(frame.container, frame.height);
  else walk.heights.set(frame.container, frame.height);
  settle(walk, frame.height, frame.immutable);
}

/** Reports an object that is done to the one around it. */
function settle(walk: Walk, height: number, immutable: boolean): void {
  if (walk.frames.length + height > MAX_DEPTH) refuse(walk, 'nested deeper than 1,000 levels');
  const around = walk.frames.at(-1);
  if (around === undefined) {
    walk.immutable = immutable;
    return;
  }
  around.height = Math.max(around.height, height + 1);
  around.immutable &&= immutable;
}

/** Records why the whole cannot be stored; the first reason is the one told. What is around is not remembered. */
function refuse(walk: Walk, problem: string): void {
  const around = walk.frames.at(-1);
  if (around !== undefined) around.immutable = false;
  walk.problem ??= { path: printPath(walk.frames), problem };
}

function readProperties(walk: Walk, frame: Frame): void {
  for (const key of Reflect.ownKeys(frame.container)) readProperty(walk, frame, key);
  Object.freeze(frame.container);
}

function readElements(walk: Walk, frame: Frame): void {
  const { container } = frame;
  const keys = Reflect.ownKeys(container);
  // Indices come first, then "length", which without holes stands exactly behind as many as it says.
  if (Array.isArray(container) && keys[container.length] !== 'length') refuseHole(walk, frame);
  let isElement = true;
  for (const key of keys) {
    if (key === 'length') {
      isElement = false;
      continue;
    }
    if (!isElement && typeof key === 'string') refuseAt(walk, frame, key, 'an extra property of an array');
    readProperty(walk, frame, key);
  }
  Object.freeze(container);
}

function refuseHole(walk: Walk, frame: Frame): void {
  let index = 0;
  while (Object.hasOwn(frame.container, index)) index++;
  refuseAt(walk, frame, String(index), 'a hole in an array');
}

function refuseAt(walk: Walk, frame: Frame, label: Label, problem: string): void {
  frame.label = label;
  refuse(walk, problem);
}

function readProperty(walk: Walk, frame: Frame, key: string | symbol): void {
  const property = Object.getOwnPropertyDescriptor(frame.container, key);
  if (typeof key === 'symbol') refuseAt(walk, frame, key, 'keyed by a symbol');
  if (property === undefined || !('value' in property)) {
    refuseAt(walk, frame, key, 'a getter or setter');
    return;
  }
  if (property.enumerable !== true) refuseAt(walk, frame, key, 'not enumerable');
  hold(frame, key, property.value);
}

function readMembers(_walk: Walk, frame: Frame): void {
  frame.immutable = false;
  let index = 0;
  if (frame.container instanceof Map) {
    for (const [key, value] of frame.container) {
      hold(frame, index++, key);
      hold(frame, index++, value);
    }
  } else if (frame.container instanceof Set) {
    for (const member of frame.container) hold(frame, index++, member);
  }
}

function hold(frame: Frame, label: Label, member: unknown): void {
  if (isPrimitive(member)) return;
  frame.labels.push(label);
  frame.members.push(member);
}

function checkBinary(walk: Walk, value: object): void {
  if (!isBinary(value)) return;
  if (isShared(value)) {
    refuse(walk, 'backed by shared memory');
    return;
  }
  if (isDetached(value)) {
    refuse(walk, 'a detached buffer');
    return;
  }
  // Throws where the buffer shrank below the view.
  bytesOf(value);
  settle(walk, 1, false);
}

function className(value: object): string {
  const prototype: object | null = Object.getPrototypeOf(value);
  const maker: unknown = prototype === null ? undefined : Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name: unknown = typeof maker === 'function' ? Object.getOwnPropertyDescriptor(maker, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' ? name : 'a class';
}
